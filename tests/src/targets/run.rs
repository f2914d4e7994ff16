//! Runs one case on one target.

use super::Target;
use crate::case_file::{Action, Case, Pattern, Protocol, Step, Variables, pattern};
use crate::resp::Reply;
use std::collections::HashMap;
use std::io;

/// How a case ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every expectation was met.
    Passed,
    /// The case does not apply to the target, for this reason.
    Skipped(String),
    /// The line that was not met, and what came instead.
    Failed(usize, String),
    /// The target could not be emptied: it needs a fresh start.
    NotReady(String),
    /// The target panicked in this process.
    Panicked,
}

/// Runs `case` on `target`, which is called `name`.
pub fn run(case: &Case, name: &str, target: &mut dyn Target) -> Outcome {
    if let Some(reason) = not_applicable(case, name, target) {
        return Outcome::Skipped(reason);
    }
    if let Err(error) = target.reset() {
        return Outcome::NotReady(error.to_string());
    }
    let mut script =
        Script { initial: target.protocol(), target, connections: HashMap::new(), saved: Variables::new() };
    for step in &case.steps {
        if let Err(message) = script.step(step) {
            return Outcome::Failed(step.line, message);
        }
    }
    Outcome::Passed
}

fn not_applicable(case: &Case, name: &str, target: &dyn Target) -> Option<String> {
    if let Some(reason) = case.exception(name) {
        return Some(reason.to_owned());
    }
    match (case.only, target.protocol()) {
        (Some(only), spoken) if only != spoken => Some(format!("needs {only:?}")),
        _ => target.refuses(case).map(str::to_owned),
    }
}

struct Script<'a> {
    target: &'a mut dyn Target,
    initial: Protocol,
    connections: HashMap<u32, Spoken>,
    saved: Variables,
}

/// What a connection speaks, and the command whose reply is due.
struct Spoken {
    protocol: Protocol,
    command: Vec<Vec<u8>>,
}

impl Script<'_> {
    fn step(&mut self, step: &Step) -> Result<(), String> {
        match &step.action {
            Action::Send(connection, args) => {
                let args: Vec<Vec<u8>> = args.iter().map(|arg| self.filled_in(arg)).collect();
                let sent = self.target.send(*connection, &args);
                self.spoken(*connection).command = args;
                sent.map_err(|error| format!("cannot send: {error}"))
            }
            Action::Expect(connection, pattern) => self.expect(*connection, pattern),
            Action::Quiet(connection) => match self.target.settle(*connection) {
                Ok(None) => Ok(()),
                Ok(Some(reply)) => Err(format!("expected no reply yet\n  got {}", pattern::one_line(&reply))),
                Err(error) => Err(format!("expected no reply yet, but: {error}")),
            },
            Action::Closed(connection) => match self.target.receive(*connection) {
                Err(error) if is_end(&error) => Ok(()),
                Err(error) => Err(format!("expected the end of the connection, but: {error}")),
                Ok(reply) => Err(format!("expected the end of the connection\n  got {}", pattern::one_line(&reply))),
            },
            Action::Advance(ms) => {
                self.target.advance(*ms);
                Ok(())
            }
        }
    }

    fn expect(&mut self, connection: u32, expected: &Pattern) -> Result<(), String> {
        let reply = self.target.receive(connection).map_err(|error| {
            let command = shown(&self.spoken(connection).command);
            format!("no reply to {command}: {error}")
        })?;
        let spoken = self.spoken(connection);
        spoken.follow(&reply);
        let (protocol, command) = (spoken.protocol, shown(&spoken.command));
        if expected.accepts(&reply, protocol, &mut self.saved) {
            return Ok(());
        }
        let got = pattern::one_line(&reply);
        Err(format!("{command}\n  expected {expected}\n  got      {got}"))
    }

    fn spoken(&mut self, connection: u32) -> &mut Spoken {
        let protocol = self.initial;
        self.connections.entry(connection).or_insert(Spoken { protocol, command: Vec::new() })
    }

    /// Replaces `${name}` by what a reply left under that name.
    fn filled_in(&self, arg: &[u8]) -> Vec<u8> {
        let Ok(mut text) = String::from_utf8(arg.to_vec()) else {
            return arg.to_vec();
        };
        for (name, value) in &self.saved {
            text = text.replace(&format!("${{{name}}}"), &String::from_utf8_lossy(value));
        }
        text.into_bytes()
    }
}

impl Spoken {
    /// HELLO and RESET change what the connection speaks, their own replies included.
    fn follow(&mut self, reply: &Reply) {
        let is = |at: usize, word: &str| {
            let arg = self.command.get(at);
            arg.is_some_and(|arg| arg.eq_ignore_ascii_case(word.as_bytes()))
        };
        let refused = matches!(reply, Reply::Error(_));
        if refused || self.protocol == Protocol::Json {
            return;
        }
        if is(0, "RESET") || (is(0, "HELLO") && is(1, "2")) {
            self.protocol = Protocol::Resp2;
        } else if is(0, "HELLO") && is(1, "3") {
            self.protocol = Protocol::Resp3;
        }
    }
}

fn is_end(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe)
}

fn shown(command: &[Vec<u8>]) -> String {
    let words: Vec<String> = command.iter().map(|word| crate::case_file::words::escape(word)).collect();
    words.join(" ")
}
