//! Random commands on two servers, compared reply by reply.
//!
//! A run consists of rounds that know nothing of each other: each starts on empty servers with new connections and is
//! made from the run's seed and its own number alone. A difference is therefore replayed, and shrunk, within its round.
//!
//! | module | what it does |
//! |---|---|
//! | [`grammar`] | requests from the command table's `syntax`, limited to what the reference knows |
//! | [`families`] | the types, their commands and keys |
//! | [`values`] | values that collide, by the names of the arguments |
//! | [`guard`] | refuses requests that cost too much or depend on the clock |
//! | [`round`] | the commands of a round, with weights of its own |
//! | [`side`] | one server with its connections |
//! | [`play`] | sends steps to both sides and finds the first difference |
//! | [`rules`] | differences that have a reason |
//! | [`state`] | compares everything that is stored |
//! | [`shrink`] | the shortest steps that still differ |
//! | [`case_text`] | writes them as a text case |
//! | [`plant`] | bugs on purpose, which the driver must find |
//! | [`run`] | rounds, reports and the closing lines |

pub mod case_text;
pub mod families;
pub mod grammar;
pub mod guard;
pub mod options;
pub mod plant;
pub mod play;
pub mod random;
pub mod round;
pub mod rules;
pub mod run;
pub mod shrink;
pub mod side;
pub mod state;
pub mod tally;
pub mod values;

/// The words of one command.
pub type Request = Vec<Vec<u8>>;

/// One command on one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The connection, from 0.
    pub connection: usize,
    /// The command.
    pub request: Request,
}

/// The command's name in lower case, with the subcommand for containers: `object|encoding`.
pub fn full_name(request: &[Vec<u8>]) -> String {
    let word = |at: usize| request.get(at).map(|word| String::from_utf8_lossy(word).to_ascii_lowercase());
    let name = word(0).unwrap_or_default();
    let is_container =
        larder_core::command::registry().find(name.as_bytes()).is_some_and(|id| !id.row().subcommands.is_empty());
    match word(1) {
        Some(sub) if is_container => format!("{name}|{sub}"),
        _ => name,
    }
}
