//! Text cases: what clients send and what must come back, one file per command family.
//!
//! ```text
//! === SET stores and GET reads         starts a case, on an empty keyspace
//! > SET k "v\r\n"                      a command, quoted as in redis-cli; `2> …` uses connection 2
//! < +OK                                the reply as RESP3: + - : $ , # ( _ =txt: and * ~ > % with indented elements;
//!                                      `*_` is a null that RESP2 writes as an array
//! <~ $v*    <between 1 5    < ...      a glob over the reply on one line, an integer range, any reply
//! < sorted *2                          elements in any order
//! < save id                            keeps the text for later commands, which write ${id}
//! <none     <closed                    no reply so far; the server closed the connection
//! 2< $later                            one more reply, on connection 2
//! @advance 1500                        milliseconds pass
//! @resp3   @resp2   @session           needs that protocol; needs connection state
//! @differs redis: reason               the reference is not asked
//! @skip rest: reason                   this target cannot take part
//! @later reason                        only the reference can do it yet
//! ```
//! `#` starts a comment line.

pub mod pattern;
pub mod words;

pub use pattern::{Pattern, Protocol, Variables};
use std::path::Path;

/// First words of the names of Larder's own targets.
const OWN_TARGETS: [&str; 6] = ["engine", "resp2", "resp3", "rest", "websocket", "wasm"];

/// Largest case file that is read, so that a wrong path cannot fill the memory.
const FILE_LIMIT_BYTES: u64 = 4 * 1024 * 1024;

/// One case.
#[derive(Clone, Debug)]
pub struct Case {
    /// The file's name without its extension.
    pub family: String,
    /// The text behind `===`.
    pub title: String,
    /// The line of the title.
    pub line: usize,
    /// What happens, in order.
    pub steps: Vec<Step>,
    /// The only protocol in which the case makes sense.
    pub only: Option<Protocol>,
    /// Whether the case needs connection state.
    pub needs_session: bool,
    /// Targets that do not take part: name and reason.
    pub exceptions: Vec<(String, String)>,
}

/// One line of a case and what it asks for.
#[derive(Clone, Debug)]
pub struct Step {
    /// The line in the file.
    pub line: usize,
    /// What to do.
    pub action: Action,
}

/// What a step does.
#[derive(Clone, Debug)]
pub enum Action {
    /// Send a command on a connection.
    Send(u32, Vec<Vec<u8>>),
    /// Wait for a reply on a connection.
    Expect(u32, Pattern),
    /// No reply has come on a connection.
    Quiet(u32),
    /// The connection ends without another reply.
    Closed(u32),
    /// Milliseconds pass.
    Advance(u64),
}

impl Case {
    /// The reason why `target` is not asked, from the case's own lines.
    pub fn exception(&self, target: &str) -> Option<&str> {
        self.exceptions.iter().find(|(name, _)| names(name, target)).map(|(_, reason)| reason.as_str())
    }

    /// Whether all bytes that are sent are UTF-8.
    pub fn sends_utf8(&self) -> bool {
        self.steps.iter().all(|step| match &step.action {
            Action::Send(_, args) => args.iter().all(|arg| std::str::from_utf8(arg).is_ok()),
            _ => true,
        })
    }

    /// Whether all bytes that are expected are UTF-8.
    pub fn expects_utf8(&self) -> bool {
        self.steps.iter().all(|step| match &step.action {
            Action::Expect(_, pattern) => pattern.is_utf8(),
            _ => true,
        })
    }

    /// Whether a connection ends.
    pub fn ends_connections(&self) -> bool {
        let mut steps = self.steps.iter();
        steps.any(|step| matches!(step.action, Action::Closed(_)))
    }

    /// Whether a command has no reply for a while, or none at all.
    pub fn has_silence(&self) -> bool {
        self.steps.iter().any(|step| matches!(step.action, Action::Quiet(_)))
    }

    /// Whether more than one connection takes part.
    pub fn has_several_connections(&self) -> bool {
        self.steps.iter().any(|step| match &step.action {
            Action::Send(connection, _) | Action::Expect(connection, _) | Action::Quiet(connection) => *connection != 1,
            _ => false,
        })
    }
}

/// Whether `written` names `target`: the whole name or its first part, as `redis` names `redis-resp3`.
pub fn names(written: &str, target: &str) -> bool {
    target.strip_prefix(written).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// Reads every `*.txt` of a directory, in the order of their names.
///
/// # Errors
/// A file that cannot be read or parsed, with its name and line.
pub fn read_directory(directory: &Path) -> Result<Vec<Case>, String> {
    let shown = directory.display();
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(|e| format!("{shown}: {e}"))? {
        let path = entry.map_err(|e| format!("{shown}: {e}"))?.path();
        if path.extension().is_some_and(|extension| extension == "txt") {
            paths.push(path);
        }
    }
    paths.sort();
    let mut cases = Vec::new();
    for path in paths {
        let shown = path.display();
        let length = std::fs::metadata(&path).map_err(|e| format!("{shown}: {e}"))?.len();
        if length > FILE_LIMIT_BYTES {
            return Err(format!("{shown}: larger than {FILE_LIMIT_BYTES} bytes"));
        }
        let text = std::fs::read_to_string(&path).map_err(|e| format!("{shown}: {e}"))?;
        let family = path.file_stem().unwrap_or_default().to_string_lossy();
        cases.extend(parse(&family, &text).map_err(|e| format!("{shown}:{e}"))?);
    }
    Ok(cases)
}

/// Reads the cases of one file.
///
/// # Errors
/// The number of the offending line and what is wrong with it.
pub fn parse(family: &str, text: &str) -> Result<Vec<Case>, String> {
    let lines: Vec<&str> = text.lines().collect();
    let mut cases: Vec<Case> = Vec::new();
    let mut connection = 1;
    let mut at = 0;
    while at < lines.len() {
        let (line, number) = (lines[at], at + 1);
        at += 1;
        let wrong = |message: String| format!("{number}: {message}");
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(title) = line.strip_prefix("=== ") {
            finish(cases.last()).map_err(wrong)?;
            cases.push(Case {
                family: family.to_owned(),
                title: title.trim().to_owned(),
                line: number,
                steps: Vec::new(),
                only: None,
                needs_session: false,
                exceptions: Vec::new(),
            });
            connection = 1;
            continue;
        }
        let case = cases.last_mut().ok_or_else(|| wrong("a case starts with ===".into()))?;
        let action = if let Some(directive) = line.strip_prefix('@') {
            let Some(action) = apply_directive(directive, case).map_err(wrong)? else {
                continue;
            };
            action
        } else {
            let (number, sign, rest) = numbered(line).map_err(wrong)?;
            if sign == '>' {
                connection = number.unwrap_or(1);
                send(connection, rest).map_err(wrong)?
            } else {
                let begin = at;
                while at < lines.len() && lines[at].starts_with(' ') && !lines[at].trim().is_empty() {
                    at += 1;
                }
                expect(number.unwrap_or(connection), rest, &lines[begin..at]).map_err(wrong)?
            }
        };
        if matches!(action, Action::Send(..)) {
            answered(case).map_err(wrong)?;
        }
        case.steps.push(Step { line: number, action });
    }
    finish(cases.last()).map_err(|message| format!("{}: {message}", lines.len()))?;
    Ok(cases)
}

/// A case without steps would prove nothing.
fn finish(case: Option<&Case>) -> Result<(), String> {
    match case {
        Some(case) if case.steps.is_empty() => Err("the case above is empty".into()),
        Some(case) => answered(case),
        None => Ok(()),
    }
}

/// A command must say what it expects.
fn answered(case: &Case) -> Result<(), String> {
    match case.steps.last().map(|step| &step.action) {
        Some(Action::Send(..)) => Err("the command above has no expected reply".into()),
        _ => Ok(()),
    }
}

fn numbered(line: &str) -> Result<(Option<u32>, char, &str), String> {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let sign = line[digits..].chars().next();
    let Some(sign @ ('<' | '>')) = sign else {
        return Err(format!("neither a command, a reply nor a directive: {line}"));
    };
    let number = match &line[..digits] {
        "" => None,
        digits => Some(digits.parse().map_err(|_| "no such connection".to_owned())?),
    };
    Ok((number, sign, &line[digits + 1..]))
}

fn send(connection: u32, rest: &str) -> Result<Action, String> {
    let args = words::split(rest)?;
    if args.is_empty() {
        return Err("an empty command".into());
    }
    Ok(Action::Send(connection, args))
}

fn expect(connection: u32, rest: &str, elements: &[&str]) -> Result<Action, String> {
    let first = match rest {
        "none" => return Ok(Action::Quiet(connection)),
        "closed" => return Ok(Action::Closed(connection)),
        _ => match (rest.strip_prefix("~ "), rest.strip_prefix(' ')) {
            (Some(glob), _) => format!("like {glob}"),
            (None, Some(node)) => node.to_owned(),
            (None, None) => rest.to_owned(),
        },
    };
    let mut lines = vec![first.as_str()];
    lines.extend_from_slice(elements);
    Ok(Action::Expect(connection, Pattern::parse(&lines)?))
}

fn apply_directive(directive: &str, case: &mut Case) -> Result<Option<Action>, String> {
    let (word, rest) = directive.split_once(' ').unwrap_or((directive, ""));
    match word {
        "advance" => {
            let ms = rest.parse().map_err(|_| format!("not milliseconds: {rest}"))?;
            return Ok(Some(Action::Advance(ms)));
        }
        "resp2" => case.only = Some(Protocol::Resp2),
        "resp3" => case.only = Some(Protocol::Resp3),
        "session" => case.needs_session = true,
        "later" => case.exceptions.extend(OWN_TARGETS.iter().map(|own| ((*own).to_owned(), rest.to_owned()))),
        "differs" | "skip" => {
            let (target, reason) = rest.split_once(": ").ok_or("write TARGET: REASON")?;
            if word == "differs" && target != "redis" {
                return Err("only redis can differ; the others are skipped".into());
            }
            case.exceptions.push((target.to_owned(), reason.to_owned()));
        }
        _ => return Err(format!("no such directive: @{word}")),
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_case() {
        let text = "# comment\n=== a title\n@session\n@differs redis: newer\n> SET k v\n< +OK\n2> LRANGE l 0 -1\n< *2\n  $a\n  $b\n@advance 20\n2< _\n";
        let cases = parse("string", text).expect("well written");
        assert_eq!(cases.len(), 1);
        let case = &cases[0];
        assert_eq!((case.title.as_str(), case.line), ("a title", 2));
        assert!(case.needs_session && case.has_several_connections());
        assert_eq!(case.exception("redis-resp3"), Some("newer"));
        assert_eq!(case.exception("resp3"), None);
        assert_eq!(case.steps.len(), 6);
        assert!(matches!(case.steps[3].action, Action::Expect(2, Pattern::Aggregate('*', _))));
    }

    #[test]
    fn shipped_cases_are_readable_and_have_names_of_their_own() {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
        let cases = read_directory(&directory).expect("readable case files");
        let mut names: Vec<_> = cases.iter().map(|c| (&c.family, &c.title)).collect();
        names.sort();
        let repeated = names.windows(2).find(|pair| pair[0] == pair[1]);
        assert_eq!(repeated, None);
        assert!(!names.is_empty());
    }

    #[test]
    fn refuses_what_would_prove_nothing() {
        for text in [
            "> GET k\n",
            "=== t\n> GET k\n",
            "=== t\n> GET k\n> GET k\n< _\n",
            "=== t\n@soon\n",
            "=== t\nGET k\n",
            "=== t\n> GET k\n< nil\n",
            "=== t\n@differs resp2: no\n",
        ] {
            assert!(parse("x", text).is_err(), "{text:?}");
        }
    }
}
