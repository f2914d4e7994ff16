//! Commands over many shards, each holding exactly what its plan names: a wrong plan panics here.

mod every_command;
mod generic_keys;
mod harness;
