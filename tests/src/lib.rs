//! What the test programs share.

pub mod abuse;
pub mod bench;
pub mod case_file;
pub mod compatibility;
pub mod crash;
pub mod differential;
pub mod resp;
pub mod servers;
pub mod storage;
pub mod targets;
