//! Writes steps and their replies as a text case, ready for `tests/cases`.

use std::fmt::Write;

use super::guard::{SHORT_WAIT_MS, Verdict, judge};
use super::play::{Difference, Played};
use super::rules::{Allowance, RULES, rules_for};
use super::side::{Outcome, words};
use super::{Request, Step, full_name};
use crate::case_file::pattern::one_line;
use crate::resp::Reply;

/// The case of some steps that end in a difference.
pub fn write(title: &str, steps: &[Step], played: &Played) -> String {
    let mut text = format!("=== {title}\n");
    if steps.iter().any(|step| step.connection > 0 || needs_session(&step.request)) {
        text.push_str("@session\n");
    }
    // What was seen is RESP2: a map of RESP3 may be an array here.
    if played.replies.iter().any(|reply| matches!(reply, Ok(Reply::Array(_)))) {
        text.push_str("@resp2\n");
    }
    let mut waits = vec![false; steps.iter().map(|step| step.connection + 1).max().unwrap_or(0)];
    for (step, reply) in steps.iter().zip(&played.replies) {
        exchange(step.connection, &step.request, reply, &mut text);
        let wait = &mut waits[step.connection];
        *wait |= judge(&step.request) == Verdict::ShortLived;
        let is_queued = matches!(reply, Ok(Reply::Simple(text)) if text == b"QUEUED");
        if *wait && !is_queued {
            writeln!(text, "@advance {SHORT_WAIT_MS}").expect(STRING);
            *wait = false;
        }
    }
    if let Some(difference) = &played.difference {
        last_exchange(steps, difference, &mut text);
    }
    text
}

const STRING: &str = "a String takes everything";

fn last_exchange(steps: &[Step], difference: &Difference, text: &mut String) {
    let Difference { request, database, reference, candidate, queued, .. } = difference;
    // A connection that no step uses looks at the state.
    let connection = match database {
        None => steps[difference.step].connection,
        Some(_) => steps.iter().map(|step| step.connection + 1).max().unwrap_or(0),
    };
    if let Some(database) = database {
        let select = words(&["SELECT", &database.to_string()]);
        exchange(connection, &select, &Ok(Reply::Simple(b"OK".to_vec())), text);
    }
    exchange(connection, request, reference, text);
    let candidate = match queued {
        None => shown(candidate),
        Some((request, _, reply)) => format!("{} for {}", one_line(reply), line(request)),
    };
    writeln!(text, "# the candidate: {candidate}").expect(STRING);
}

fn exchange(connection: usize, request: &Request, reply: &Outcome, text: &mut String) {
    let number = match connection {
        0 => String::new(),
        other => (other + 1).to_string(),
    };
    writeln!(text, "{number}> {}", line(request)).expect(STRING);
    match reply {
        Ok(reply) => writeln!(text, "< {}", expected(request, reply)).expect(STRING),
        Err(_) => writeln!(text, "< closed").expect(STRING),
    }
}

fn needs_session(request: &Request) -> bool {
    let name = full_name(request);
    matches!(name.as_str(), "multi" | "exec" | "discard" | "watch" | "unwatch" | "select" | "hello" | "reset")
        || name.starts_with("client")
}

/// A command on one line, as redis-cli reads it.
pub fn line(request: &Request) -> String {
    request.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

/// An outcome on one line.
pub fn shown(outcome: &Outcome) -> String {
    match outcome {
        Ok(reply) => one_line(reply),
        Err(message) => message.clone(),
    }
}

/// The reply as a case expects it, as loosely as the command's rule is.
fn expected(request: &Request, reply: &Reply) -> String {
    let rule = rules_for(&full_name(request), request).next().map(|rule| RULES[rule].allows);
    match (rule, reply) {
        (_, Reply::Error(_) | Reply::NullBulk | Reply::Null) => node(reply, 0),
        (_, Reply::Simple(text)) if text == b"QUEUED" => node(reply, 0),
        (Some(Allowance::Amount(limit)), Reply::Integer(amount @ 1..)) => {
            format!("between {} {}", amount.saturating_sub(limit).max(1), amount.saturating_add(limit))
        }
        (Some(Allowance::Order), Reply::Array(_)) => format!("sorted {}", node(reply, 0)),
        // What else a rule allows is looser than a case can say.
        (Some(_), _) => "...".to_owned(),
        _ => node(reply, 0),
    }
}

/// A reply as a node with its elements on lines of their own.
fn node(reply: &Reply, depth: usize) -> String {
    let aggregate = |sign: char, elements: &[Reply], width: usize| {
        let mut text = format!("{sign}{}", elements.len() / width);
        for element in elements {
            let indent = "  ".repeat(depth + 1);
            write!(text, "\n{indent}{}", node(element, depth + 1)).expect(STRING);
        }
        text
    };
    match reply {
        Reply::Array(elements) => aggregate('*', elements, 1),
        Reply::Set(elements) => aggregate('~', elements, 1),
        Reply::Push(elements) => aggregate('>', elements, 1),
        Reply::Map(elements) => aggregate('%', elements, 2),
        Reply::NullBulk => "_".to_owned(),
        Reply::NullArray => "*_".to_owned(),
        Reply::Simple(text) => format!("+{}", quoted_if_needed(text)),
        Reply::Error(text) => format!("-{}", quoted_if_needed(text)),
        Reply::Bulk(text) => format!("${}", quoted_if_needed(text)),
        other => one_line(other),
    }
}

/// Text of a reply: spaces inside need no quotes.
fn quoted_if_needed(text: &[u8]) -> String {
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~') && *byte != b'\\';
    let is_bare = text.iter().all(is_plain) && text.first() != Some(&b'"') && text.last() != Some(&b' ');
    if is_bare { String::from_utf8_lossy(text).into_owned() } else { in_quotes(text) }
}

fn quoted(word: &[u8]) -> String {
    let is_plain = |byte: &u8| matches!(byte, b'!'..=b'~') && !matches!(byte, b'"' | b'\'' | b'\\' | b'$');
    let is_bare = !word.is_empty() && word.iter().all(is_plain);
    if is_bare { String::from_utf8_lossy(word).into_owned() } else { in_quotes(word) }
}

fn in_quotes(bytes: &[u8]) -> String {
    let mut text = String::from("\"");
    for &byte in bytes {
        match byte {
            b'"' | b'\\' => write!(text, "\\{}", char::from(byte)),
            b'\n' => write!(text, "\\n"),
            b'\r' => write!(text, "\\r"),
            b' '..=b'~' => write!(text, "{}", char::from(byte)),
            _ => write!(text, "\\x{byte:02x}"),
        }
        .expect(STRING);
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case_file::{self, Action};

    #[test]
    fn writes_cases_that_can_be_read() {
        let request = vec![b"SET".to_vec(), b"a \"b\\".to_vec(), b"\x00\r\n$x".to_vec(), Vec::new(), b"it's".to_vec()];
        let steps =
            vec![Step { connection: 1, request: request.clone() }, Step { connection: 0, request: words(&["EXEC"]) }];
        let nested = Reply::Array(vec![Reply::NullArray, Reply::Bulk(b"\"\\".to_vec()), Reply::Array(vec![])]);
        let played = Played {
            replies: vec![Ok(Reply::NullBulk)],
            difference: Some(Difference {
                step: 1,
                request: words(&["EXEC"]),
                database: None,
                reference: Ok(nested),
                candidate: Err("no reply".to_owned()),
                queued: None,
            }),
        };
        let text = write("a title", &steps, &played);
        let cases = case_file::parse("found", &text).expect(&text);
        assert_eq!(cases[0].steps.len(), 4, "{text}");
        assert!(matches!(&cases[0].steps[0].action, Action::Send(2, words) if *words == request), "{text}");
    }
}
