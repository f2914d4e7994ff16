//! Expected replies: how they are written in a case file and when a reply meets them.

use super::words;
use crate::resp::Reply;
use std::collections::HashMap;
use std::fmt;

/// Most lines one expected reply may have.
const NODE_LIMIT: usize = 4096;
/// Integers beyond this do not survive JavaScript, so REST may send them as strings.
const JSON_SAFE_INTEGER: u64 = 1 << 53;

/// What a target can express. Expectations are written as RESP3 and weakened from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Maps and sets are arrays, doubles and verbatim text are bulks, booleans are integers, nulls are two.
    Resp2,
    /// Everything as written.
    Resp3,
    /// RESP2's shapes in JSON, where simple and bulk strings look the same.
    Json,
}

/// An expected reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// This reply, as RESP3 has it. `Reply::NullArray` is RESP2's `*-1`.
    Leaf(Reply),
    /// An aggregate: its RESP3 sign (`*`, `~`, `>`, `%`) and its elements; a map's alternate.
    Aggregate(char, Vec<Pattern>),
    /// The same elements in any order.
    Sorted(Box<Pattern>),
    /// `...`: any reply.
    Any,
    /// `like GLOB`: the reply on one line meets the glob, where `*` is the only special sign.
    Like(String),
    /// `between A B`: an integer within these bounds.
    Between(i64, i64),
    /// `save NAME`: any reply but an error; later commands use its text as `${NAME}`.
    Save(String),
}

/// Texts that replies left for later commands.
pub type Variables = HashMap<String, Vec<u8>>;

impl Pattern {
    /// Reads an expected reply from its lines: one node per line, elements indented deeper than their aggregate.
    ///
    /// # Errors
    /// A node that cannot be read, and elements that are missing or left over.
    pub fn parse(lines: &[&str]) -> Result<Self, String> {
        if lines.len() > NODE_LIMIT {
            return Err("too many lines in one reply".into());
        }
        let mut rest = lines;
        let pattern = Self::node(&mut rest, None)?;
        match rest.first() {
            None => Ok(pattern),
            Some(line) => Err(format!("left over: {}", line.trim())),
        }
    }

    /// Whether `reply` is what was expected, in the given protocol.
    pub fn accepts(&self, reply: &Reply, protocol: Protocol, saved: &mut Variables) -> bool {
        match self {
            Self::Any => true,
            Self::Leaf(expected) => leaf(expected, reply, protocol),
            Self::Like(glob) => glob_accepts(&weakened(glob, protocol), &one_line(reply)),
            Self::Between(low, high) => {
                matches!(integer(reply), Some(value) if (*low..=*high).contains(&value))
            }
            Self::Save(name) => match scalar(reply) {
                Some(text) => {
                    saved.insert(name.clone(), text);
                    true
                }
                None => false,
            },
            Self::Aggregate(sign, elements) => {
                let found = aggregate(*sign, reply, protocol);
                found.is_some_and(|found| match sign {
                    '~' => unordered(elements, found, 1, protocol, saved),
                    _ => {
                        elements.len() == found.len()
                            && elements.iter().zip(found).all(|(e, f)| e.accepts(f, protocol, saved))
                    }
                })
            }
            Self::Sorted(inner) => match &**inner {
                Self::Aggregate(sign, elements) => {
                    let width = if *sign == '%' { 2 } else { 1 };
                    aggregate(*sign, reply, protocol)
                        .is_some_and(|found| unordered(elements, found, width, protocol, saved))
                }
                other => other.accepts(reply, protocol, saved),
            },
        }
    }

    /// Whether every text in the expectation is UTF-8, so that plain JSON can carry the reply.
    pub fn is_utf8(&self) -> bool {
        match self {
            Self::Leaf(Reply::Bulk(text) | Reply::Simple(text) | Reply::Error(text)) => {
                std::str::from_utf8(text).is_ok()
            }
            Self::Aggregate(_, elements) => elements.iter().all(Self::is_utf8),
            Self::Sorted(inner) => inner.is_utf8(),
            _ => true,
        }
    }

    fn node(rest: &mut &[&str], parent_indent: Option<usize>) -> Result<Self, String> {
        let Some((line, others)) = rest.split_first() else {
            return Err("an element is missing".into());
        };
        *rest = others;
        let written = line.trim_start_matches(' ');
        let indent = line.len() - written.len();
        if parent_indent.is_some_and(|parent| indent <= parent) {
            return Err(format!("not indented as an element: {written}"));
        }
        if let Some(inner) = written.strip_prefix("sorted ") {
            let (sign, count) = opening(inner).ok_or("sorted needs an aggregate")?;
            let elements = Self::elements(rest, indent, sign, count)?;
            return Ok(Self::Sorted(Box::new(elements)));
        }
        match opening(written) {
            Some((sign, count)) => Self::elements(rest, indent, sign, count),
            None => Self::parse_leaf(written),
        }
    }

    fn elements(rest: &mut &[&str], indent: usize, sign: char, count: usize) -> Result<Self, String> {
        let count = count * if sign == '%' { 2 } else { 1 };
        let elements = (0..count).map(|_| Self::node(rest, Some(indent)));
        Ok(Self::Aggregate(sign, elements.collect::<Result<_, _>>()?))
    }

    fn parse_leaf(written: &str) -> Result<Self, String> {
        if written == "..." {
            return Ok(Self::Any);
        }
        if let Some(glob) = written.strip_prefix("like ") {
            return Ok(Self::Like(glob.to_owned()));
        }
        if let Some(name) = written.strip_prefix("save ") {
            return Ok(Self::Save(name.to_owned()));
        }
        if let Some(bounds) = written.strip_prefix("between ") {
            let (low, high) = bounds.split_once(' ').ok_or("between needs two bounds")?;
            return Ok(Self::Between(parsed(low)?, parsed(high)?));
        }
        parse_reply(written).map(Self::Leaf)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Leaf(Reply::NullArray) => f.write_str("*_"),
            Self::Leaf(reply) => f.write_str(&one_line(reply)),
            Self::Aggregate(sign, elements) => {
                let width = if *sign == '%' { 2 } else { 1 };
                write!(f, "{sign}{}", elements.len() / width)?;
                elements.iter().try_for_each(|e| write!(f, " {e}"))
            }
            Self::Sorted(inner) => write!(f, "sorted {inner}"),
            Self::Any => f.write_str("..."),
            Self::Like(glob) => write!(f, "like {glob}"),
            Self::Between(low, high) => write!(f, "between {low} {high}"),
            Self::Save(name) => write!(f, "save {name}"),
        }
    }
}

/// A reply on one line, as globs see it and as failures show it.
pub fn one_line(reply: &Reply) -> String {
    let list = |sign: char, elements: &[Reply], width: usize| {
        let mut line = format!("{sign}{}", elements.len() / width);
        for element in elements {
            line.push(' ');
            line.push_str(&one_line(element));
        }
        line
    };
    match reply {
        Reply::Simple(text) => format!("+{}", words::escape(text)),
        Reply::Error(text) => format!("-{}", words::escape(text)),
        Reply::Bulk(text) => format!("${}", words::escape(text)),
        Reply::Double(text) => format!(",{}", words::escape(text)),
        Reply::BigNumber(text) => format!("({}", words::escape(text)),
        Reply::Verbatim(format, text) => {
            format!("={}:{}", words::escape(format), words::escape(text))
        }
        Reply::Integer(value) => format!(":{value}"),
        Reply::Boolean(value) => if *value { "#t" } else { "#f" }.to_owned(),
        Reply::Null => "_".to_owned(),
        Reply::NullBulk => "$-1".to_owned(),
        Reply::NullArray => "*-1".to_owned(),
        Reply::Array(elements) => list('*', elements, 1),
        Reply::Set(elements) => list('~', elements, 1),
        Reply::Push(elements) => list('>', elements, 1),
        Reply::Map(elements) => list('%', elements, 2),
    }
}

fn opening(written: &str) -> Option<(char, usize)> {
    let sign = written.chars().next().filter(|c| "*~>%".contains(*c))?;
    Some((sign, written[1..].parse().ok()?))
}

fn parse_reply(written: &str) -> Result<Reply, String> {
    let unreadable = || format!("not an expected reply: {written}");
    let sign = written.chars().next().ok_or_else(unreadable)?;
    let rest = &written[sign.len_utf8()..];
    Ok(match (sign, rest) {
        ('+', _) => Reply::Simple(words::text(rest)?),
        ('-', _) => Reply::Error(words::text(rest)?),
        ('$', _) => Reply::Bulk(words::text(rest)?),
        (',', _) => Reply::Double(rest.as_bytes().to_vec()),
        ('(', _) => Reply::BigNumber(rest.as_bytes().to_vec()),
        (':', _) => Reply::Integer(parsed(rest)?),
        ('#', "t") => Reply::Boolean(true),
        ('#', "f") => Reply::Boolean(false),
        ('_', "") => Reply::Null,
        ('*', "_") => Reply::NullArray,
        ('=', _) => {
            let (format, text) = rest.split_once(':').ok_or_else(unreadable)?;
            Reply::Verbatim(format.as_bytes().to_vec(), words::text(text)?)
        }
        _ => return Err(unreadable()),
    })
}

fn parsed(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| format!("not an integer: {text}"))
}

/// Compares a leaf after the downgrade that the protocol asks for.
fn leaf(expected: &Reply, found: &Reply, protocol: Protocol) -> bool {
    if protocol == Protocol::Resp3 {
        return match expected {
            Reply::NullArray => *found == Reply::Null,
            _ => expected == found,
        };
    }
    let weaker = match expected {
        Reply::Null => Reply::NullBulk,
        Reply::Boolean(value) => Reply::Integer(i64::from(*value)),
        Reply::Double(text) | Reply::BigNumber(text) | Reply::Verbatim(_, text) => Reply::Bulk(text.clone()),
        other => other.clone(),
    };
    if protocol == Protocol::Resp2 {
        return weaker == *found;
    }
    match (weaker, found) {
        (Reply::NullBulk | Reply::NullArray, Reply::Null) => true,
        (Reply::Simple(text) | Reply::Bulk(text), Reply::Bulk(found)) => text == *found,
        (Reply::Integer(value), Reply::Bulk(found)) => {
            value.unsigned_abs() >= JSON_SAFE_INTEGER && *found == value.to_string().as_bytes()
        }
        (weaker, found) => weaker == *found,
    }
}

/// The elements of `reply` when it is the aggregate that `sign` becomes in the protocol.
fn aggregate(sign: char, reply: &Reply, protocol: Protocol) -> Option<&[Reply]> {
    match (sign, reply) {
        ('*', Reply::Array(elements)) => Some(elements),
        (_, Reply::Array(elements)) if protocol != Protocol::Resp3 => Some(elements),
        ('~', Reply::Set(elements)) | ('>', Reply::Push(elements)) | ('%', Reply::Map(elements))
            if protocol == Protocol::Resp3 =>
        {
            Some(elements)
        }
        _ => None,
    }
}

/// Whether each group of `width` expectations finds its own group of replies.
fn unordered(expected: &[Pattern], found: &[Reply], width: usize, protocol: Protocol, saved: &mut Variables) -> bool {
    let mut left: Vec<&[Reply]> = found.chunks(width).collect();
    expected.len() == found.len()
        && expected.chunks(width).all(|group| {
            let fits = |candidate: &&[Reply]| {
                let mut pairs = group.iter().zip(candidate.iter());
                pairs.all(|(e, f)| e.accepts(f, protocol, saved))
            };
            let position = left.iter().position(fits);
            position.map(|position| left.swap_remove(position)).is_some()
        })
}

/// A glob names RESP3's signs; RESP2 has fewer signs, and JSON has one for all strings.
fn weakened(glob: &str, protocol: Protocol) -> String {
    if protocol == Protocol::Resp3 {
        return glob.to_owned();
    }
    let outermost = ["=txt:", ","]
        .iter()
        .find_map(|sign| glob.strip_prefix(sign))
        .map_or_else(|| glob.to_owned(), |rest| format!("${rest}"));
    if protocol == Protocol::Resp2 {
        return outermost;
    }
    let inner = outermost.replace(" +", " $").replace("*+", "*$");
    inner.strip_prefix('+').map_or_else(|| inner.clone(), |rest| format!("${rest}"))
}

fn glob_accepts(glob: &str, line: &str) -> bool {
    let mut parts = glob.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

fn integer(reply: &Reply) -> Option<i64> {
    match reply {
        Reply::Integer(value) => Some(*value),
        _ => None,
    }
}

fn scalar(reply: &Reply) -> Option<Vec<u8>> {
    match reply {
        Reply::Simple(text) | Reply::Bulk(text) | Reply::Verbatim(_, text) => Some(text.clone()),
        Reply::Integer(value) => Some(value.to_string().into_bytes()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lines: &[&str], wire: &[u8], protocol: Protocol) -> bool {
        let (reply, _) = crate::resp::decode(wire).expect("valid RESP").expect("a whole reply");
        Pattern::parse(lines).expect("a readable expectation").accepts(&reply, protocol, &mut Variables::new())
    }

    #[test]
    fn downgrades_to_resp2() {
        let cases: [(&[&str], &[u8], &[u8]); 7] = [
            (&["_"], b"_\r\n", b"$-1\r\n"),
            (&["*_"], b"_\r\n", b"*-1\r\n"),
            (&["#t"], b"#t\r\n", b":1\r\n"),
            (&[",1.5"], b",1.5\r\n", b"$3\r\n1.5\r\n"),
            (&["=txt:hi"], b"=6\r\ntxt:hi\r\n", b"$2\r\nhi\r\n"),
            (&["%1", "  $a", "  :1"], b"%1\r\n$1\r\na\r\n:1\r\n", b"*2\r\n$1\r\na\r\n:1\r\n"),
            (&["~2", "  :1", "  :2"], b"~2\r\n:2\r\n:1\r\n", b"*2\r\n:2\r\n:1\r\n"),
        ];
        for (lines, resp3, resp2) in cases {
            assert!(check(lines, resp3, Protocol::Resp3), "{lines:?}");
            assert!(check(lines, resp2, Protocol::Resp2), "{lines:?}");
            assert!(!check(lines, resp3, Protocol::Resp2), "{lines:?}");
            assert!(!check(lines, resp2, Protocol::Resp3), "{lines:?}");
        }
    }

    #[test]
    fn tells_apart_what_looks_alike() {
        let resp3 = Protocol::Resp3;
        assert!(!check(&["+OK"], b"$2\r\nOK\r\n", resp3));
        assert!(check(&["+OK"], b"$2\r\nOK\r\n", Protocol::Json));
        assert!(!check(&["*2", "  :1", "  :2"], b"*2\r\n:2\r\n:1\r\n", resp3));
        assert!(check(&["sorted *2", "  :1", "  :2"], b"*2\r\n:2\r\n:1\r\n", resp3));
        assert!(!check(&["sorted *2", "  :1", "  :1"], b"*2\r\n:2\r\n:1\r\n", resp3));
        assert!(!check(&["*1", "  :1"], b"*2\r\n:1\r\n:1\r\n", resp3));
        assert!(!check(&["between 1 5"], b":6\r\n", resp3));
        assert!(check(&["between 1 5"], b":5\r\n", resp3));
        assert!(!check(&["save id"], b"-ERR\r\n", resp3));
    }

    #[test]
    fn globs_need_both_ends() {
        for (glob, line, fits) in [
            ("a*c", "abbc", true),
            ("a*c", "abbcd", false),
            ("*b*", "abc", true),
            ("abc", "abc", true),
            ("abc", "abcd", false),
            ("a*a", "a", false),
        ] {
            assert_eq!(glob_accepts(glob, line), fits, "{glob} {line}");
        }
    }

    #[test]
    fn globs_follow_the_protocol() {
        assert_eq!(weakened("=txt:a=1*", Protocol::Resp3), "=txt:a=1*");
        assert_eq!(weakened("=txt:a=1*", Protocol::Resp2), "$a=1*");
        assert_eq!(weakened("*2 +a*+b", Protocol::Json), "*2 $a*$b");
        assert_eq!(weakened("+a+b", Protocol::Json), "$a+b");
    }

    #[test]
    fn refuses_wrong_shapes() {
        for lines in [&["*2", "  :1"][..], &["*1", "  :1", "  :2"], &["*1", ":1"], &["hello"], &["sorted :1"]] {
            assert!(Pattern::parse(lines).is_err(), "{lines:?}");
        }
    }
}
