//! The Larder keyspace: sessions, plans, commands and data structures.
//!
//! This crate never asks for the time, randomness, a file, a socket or a thread: they come in as arguments, and
//! effects go out as values. The same seed and the same calls give the same bytes, native and in WASM.
//!
//! The way of a request: bytes → [`connection`] → [`plan`] → [`execute`] → [`effects`] → reply.

#![cfg_attr(hot_paths, feature(optimize_attribute))]

pub mod aof;
pub mod bits;
pub mod command;
pub mod commands;
pub mod connection;
pub mod context;
pub mod effects;
pub mod engine;
pub mod error;
pub mod execute;
pub mod glob;
pub mod hash;
pub mod hub;
pub mod journal;
pub mod keyspace;
pub mod lcs;
pub mod limits;
pub mod load;
pub mod number;
pub mod plan;
pub mod rdb;
pub mod resp;
pub mod rest;
pub mod retry;
pub mod session;
pub mod settings;
mod snapshots;
pub mod store;
pub mod structure;
pub mod value;

/// The name HELLO and INFO give.
pub const SERVER_NAME: &str = "redis";

/// The version of Redis whose behaviour clients may rely on; many choose features by it.
pub const REDIS_VERSION: &str = "7.2.6";

/// Larder's own version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
