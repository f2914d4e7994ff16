//! The benchmark behind `make bench`: Larder and redis-server under the same load, one after the other.
//!
//! Stock `redis-benchmark` and `wrk` make the load; the figures are the server's CPU time per operation, throughput and
//! latency. CPU time is the main one: on a shared machine it says what a server costs even where the load generator
//! takes most of a core. What is measured is data, see [`rows`]; what the results must reach is [`bars`].

pub mod bars;
pub mod generator;
pub mod http;
pub mod load;
pub mod machine;
pub mod measure;
pub mod options;
pub mod persistence;
pub mod process;
pub mod report;
pub mod rest;
pub mod rows;
pub mod run;
pub mod sample;
pub mod stall;
pub mod wasm;
