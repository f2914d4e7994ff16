//! Requests over a socket: what goes in, which status and body come out.

mod limits;
mod resource;
mod server;
mod socket;
mod upstash_forms;
