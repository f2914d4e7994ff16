//! Commands in JSON: what serde_json reads as a command is read here too, with the same words.
#![no_main]

use larder_core::resp::RequestBuf;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

// The server is a binary without a library, so its file is read in here.
#[path = "../../http-gateway/src/http/json.rs"]
mod json;

use json::{read_command, read_commands};

const MOST_COMMANDS: usize = 8;

fuzz_target!(|text: &[u8]| {
    let expected = serde_json::from_slice::<Value>(text).ok();
    let mut request = RequestBuf::new();
    let read = read_command(text, &mut request);
    if let Some(words) = expected.as_ref().and_then(words) {
        assert_eq!(read, Ok(()));
        compare(&request, &words);
    }
    match read_commands(text, MOST_COMMANDS) {
        Ok(requests) => assert!(requests.len() <= MOST_COMMANDS),
        Err(error) => {
            let Some(Value::Array(commands)) = expected else { return };
            let are_commands = commands.iter().all(|command| words(command).is_some());
            assert!(!are_commands || commands.len() > MOST_COMMANDS, "{error}");
        }
    }
});

/// The words of a command; `None` where it is none. Numbers keep their text, which serde_json does not tell.
fn words(value: &Value) -> Option<Vec<Option<&str>>> {
    let words = value.as_array().filter(|words| !words.is_empty())?;
    words.iter().map(word).collect()
}

fn word(value: &Value) -> Option<Option<&str>> {
    match value {
        Value::String(text) => Some(Some(text)),
        Value::Bool(true) => Some(Some("true")),
        Value::Bool(false) => Some(Some("false")),
        Value::Number(_) => Some(None),
        _ => None,
    }
}

fn compare(request: &RequestBuf, words: &[Option<&str>]) {
    let arguments = request.arguments();
    assert_eq!(arguments.len(), words.len());
    for (argument, word) in arguments.iter().zip(words) {
        assert!(word.is_none_or(|word| word.as_bytes() == argument), "{argument:?} {word:?}");
    }
}
