//! The commands, one file a family: handlers with their rows of the command table beside them.

pub mod bitmap;
pub mod client;
pub mod command;
pub mod config;
pub mod connection;
pub mod databases;
pub mod debug;
pub mod dump;
pub mod expire;
pub mod function;
pub mod generic;
pub mod geo;
pub mod hash;
pub mod help;
pub mod hyperloglog;
pub mod info;
pub mod lcs;
pub mod list;
pub mod memory;
pub mod migrate;
pub mod object;
pub mod persistence;
pub mod scan;
pub mod server;
pub mod set;
pub mod sort;
pub mod sorted_set;
pub mod stream;
pub mod string;
pub mod transaction;
pub mod wait;

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
    dump::COMMANDS,
    expire::COMMANDS,
    function::COMMANDS,
    generic::COMMANDS,
    hash::COMMANDS,
    geo::COMMANDS,
    hyperloglog::COMMANDS,
    info::COMMANDS,
    lcs::COMMANDS,
    list::COMMANDS,
    memory::COMMANDS,
    migrate::COMMANDS,
    object::COMMANDS,
    persistence::COMMANDS,
    scan::COMMANDS,
    server::COMMANDS,
    set::COMMANDS,
    sort::COMMANDS,
    sorted_set::COMMANDS,
    stream::COMMANDS,
    string::COMMANDS,
    transaction::COMMANDS,
    wait::COMMANDS,
];
