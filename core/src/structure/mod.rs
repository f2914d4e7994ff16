//! The structures behind the collection types, pure and on their own: what they hold is decided by the commands.

pub mod chunked_list;
pub mod geo;
pub mod hyperloglog;
pub mod intset;
pub mod listpack;
pub mod rdb;
pub mod sorted_set;
pub mod stream;
