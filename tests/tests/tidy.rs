//! What the code must not become, held by ordinary tests: the absences of ARCHITECTURE.md, a command table that agrees
//! with itself, pages that are true.

#[path = "tidy/files.rs"]
mod files;
#[path = "tidy/licences.rs"]
mod licences;
#[path = "tidy/pages.rs"]
mod pages;
#[path = "tidy/sources.rs"]
mod sources;
#[path = "tidy/table.rs"]
mod table;
