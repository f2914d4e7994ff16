//! The grammar of the command table's `syntax` texts.
#![no_main]

use larder_core::command::syntax::{Argument, Kind, MAX_DEPTH, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match parse(text) {
        Ok(arguments) => arguments.iter().for_each(|argument| check(argument, 0)),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});

/// Every group has a member, and groups nest no deeper than the text may.
fn check(argument: &Argument, depth: usize) {
    // A bracket makes at most two groups: a block and the choice inside.
    assert!(depth <= 2 * MAX_DEPTH + 2, "{argument:?}");
    if let Kind::OneOf(children) | Kind::Block(children) = &argument.kind {
        assert!(!children.is_empty());
        children.iter().for_each(|child| check(child, depth + 1));
    }
}
