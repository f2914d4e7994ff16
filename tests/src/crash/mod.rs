//! Kills a server again and again while it is written to, and holds what it has afterwards against what it promised.
//!
//! The child is the real binary on a folder of its own and a Unix socket. Eight writers note what they sent and what
//! was acknowledged; after every kill the state must be one that the connections' order allows, with everything
//! acknowledged in it and nothing that was never sent. See [`run`] for a life's course, [`ledger`] for the judgement.

pub mod child;
pub mod client;
pub mod ledger;
pub mod observe;
pub mod options;
pub mod report;
pub mod run;
pub mod writer;
