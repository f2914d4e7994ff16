//! The commands, one file a family: handlers with their rows of the command table beside them.

pub mod bitmap;
pub mod client;
pub mod command;
pub mod config;
pub mod connection;
pub mod databases;
pub mod debug;
pub mod expire;
pub mod function;
pub mod generic;
pub mod help;
pub mod info;
pub mod lcs;
pub mod memory;
pub mod object;
pub mod scan;
pub mod server;
pub mod string;
pub mod transaction;

use crate::command::Command;

/// The command table: every family's rows.
pub static FAMILIES: &[&[Command]] = &[
    bitmap::COMMANDS,
    client::COMMANDS,
    command::COMMANDS,
    config::COMMANDS,
    connection::COMMANDS,
    databases::COMMANDS,
    debug::COMMANDS,
    expire::COMMANDS,
    function::COMMANDS,
    generic::COMMANDS,
    info::COMMANDS,
    lcs::COMMANDS,
    memory::COMMANDS,
    object::COMMANDS,
    scan::COMMANDS,
    server::COMMANDS,
    string::COMMANDS,
    transaction::COMMANDS,
];
