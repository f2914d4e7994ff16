//! Every reply in both protocol versions, and text that tries to break out of its line.

use super::*;
use crate::resp::{Value, decode};
use proptest::prelude::*;

fn written(protocol: Protocol, write: impl Fn(&mut Reply<'_>)) -> String {
    let mut out = Vec::new();
    write(&mut Reply::new(&mut out, protocol));
    out.escape_ascii().to_string()
}

/// Compares with the expected bytes, `\r\n` written out.
#[track_caller]
fn check(write: impl Fn(&mut Reply<'_>), resp2: &str, resp3: &str) {
    let escape = |text: &str| text.as_bytes().escape_ascii().to_string();
    assert_eq!(written(Protocol::Resp2, &write), escape(resp2));
    assert_eq!(written(Protocol::Resp3, &write), escape(resp3));
}

#[test]
fn scalars() {
    check(|r| r.ok(), "+OK\r\n", "+OK\r\n");
    check(|r| r.status("QUEUED"), "+QUEUED\r\n", "+QUEUED\r\n");
    check(|r| r.error("ERR no"), "-ERR no\r\n", "-ERR no\r\n");
    check(|r| r.integer(0), ":0\r\n", ":0\r\n");
    check(|r| r.integer(i64::MIN), ":-9223372036854775808\r\n", ":-9223372036854775808\r\n");
    check(|r| r.bulk(b""), "$0\r\n\r\n", "$0\r\n\r\n");
    check(|r| r.bulk(b"a\r\nb"), "$4\r\na\r\nb\r\n", "$4\r\na\r\nb\r\n");
    check(|r| r.bulk_integer(-42), "$3\r\n-42\r\n", "$3\r\n-42\r\n");
    check(|r| r.null(), "$-1\r\n", "_\r\n");
    check(|r| r.null_array(), "*-1\r\n", "_\r\n");
    check(|r| r.double(3.15), "$4\r\n3.15\r\n", ",3.15\r\n");
    check(|r| r.double(f64::NEG_INFINITY), "$4\r\n-inf\r\n", ",-inf\r\n");
    check(|r| r.boolean(true), ":1\r\n", "#t\r\n");
    check(|r| r.boolean(false), ":0\r\n", "#f\r\n");
    check(|r| r.verbatim("txt", b"hi"), "$2\r\nhi\r\n", "=6\r\ntxt:hi\r\n");
    check(|r| r.verbatim("m", b""), "$0\r\n\r\n", "=4\r\nm  :\r\n");
    check(|r| r.verbatim("markdown", b""), "$0\r\n\r\n", "=4\r\nmar:\r\n");
    check(|r| r.big_number("123"), "$3\r\n123\r\n", "(123\r\n");
    check(|r| r.big_number("1\r\n2"), "$4\r\n1\r\n2\r\n", "(1  2\r\n");
    check(|r| r.raw(b":1\r\n"), ":1\r\n", ":1\r\n");
}

#[test]
fn aggregates() {
    check(|r| r.array(0), "*0\r\n", "*0\r\n");
    check(|r| r.map(2), "*4\r\n", "%2\r\n");
    check(|r| r.set(3), "*3\r\n", "~3\r\n");
    check(|r| r.push(3), "*3\r\n", ">3\r\n");
    let attribute = |r: &mut Reply<'_>| {
        if r.attribute(1) {
            r.bulk(b"ttl");
            r.integer(3);
        }
        r.ok();
    };
    check(attribute, "+OK\r\n", "|1\r\n$3\r\nttl\r\n:3\r\n+OK\r\n");
}

#[test]
fn deferred_aggregates_nest() {
    check(
        |r| {
            r.ok();
            let outer = r.deferred_array();
            r.integer(1);
            let inner = r.deferred(Aggregate::Map);
            for number in 0..12 {
                r.integer(number);
                r.null();
            }
            r.close(inner, 12);
            let set = r.deferred(Aggregate::Set);
            r.close(set, 0);
            r.close(outer, 3);
        },
        "+OK\r\n*3\r\n:1\r\n*24\r\n:0\r\n$-1\r\n:1\r\n$-1\r\n:2\r\n$-1\r\n:3\r\n$-1\r\n:4\r\n$-1\r\n:5\r\n$-1\r\n:6\r\n$-1\r\n:7\r\n$-1\r\n:8\r\n$-1\r\n:9\r\n$-1\r\n:10\r\n$-1\r\n:11\r\n$-1\r\n*0\r\n",
        "+OK\r\n*3\r\n:1\r\n%12\r\n:0\r\n_\r\n:1\r\n_\r\n:2\r\n_\r\n:3\r\n_\r\n:4\r\n_\r\n:5\r\n_\r\n:6\r\n_\r\n:7\r\n_\r\n:8\r\n_\r\n:9\r\n_\r\n:10\r\n_\r\n:11\r\n_\r\n~0\r\n",
    );
}

#[test]
fn half_a_reply_can_be_taken_back() {
    let mut out = b"+first\r\n".to_vec();
    let mut reply = Reply::new(&mut out, Protocol::Resp3);
    let position = reply.position();
    reply.array(3);
    reply.truncate(position);
    reply.error("ERR late");
    assert_eq!(reply.protocol().version(), 3);
    reply.set_protocol(Protocol::Resp2);
    assert_eq!(reply.protocol().version(), 2);
    reply.null();
    reply.buffer().push(b'!');
    assert_eq!(out, b"+first\r\n-ERR late\r\n$-1\r\n!");
}

#[test]
fn b19_scripts_cannot_forge_a_second_reply() {
    check(|r| r.error("ERR a\r\n+OK"), "-ERR a  +OK\r\n", "-ERR a  +OK\r\n");
    check(|r| r.status("x\r\n+P"), "+x  +P\r\n", "+x  +P\r\n");
    check(|r| r.error_bytes(b"\n\r"), "-  \r\n", "-  \r\n");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn b19_lines_end_once(text in prop::collection::vec(prop_oneof![any::<u8>(), Just(b'\r'), Just(b'\n')], 0..60)) {
        for protocol in [Protocol::Resp2, Protocol::Resp3] {
            let mut out = Vec::new();
            Reply::new(&mut out, protocol).error_bytes(&text);
            let line = &out[1..out.len() - 2];
            prop_assert!(out.ends_with(b"\r\n"));
            prop_assert_eq!(line.len(), text.len());
            prop_assert!(!line.iter().any(|byte| matches!(byte, b'\r' | b'\n')));
            let text = String::from_utf8_lossy(&text);
            let mut out = Vec::new();
            let mut reply = Reply::new(&mut out, protocol);
            reply.status(&text);
            let status = reply.position();
            reply.error(&text);
            prop_assert!(matches!(decode(&out), Ok(Some((_, length))) if length == status));
            prop_assert!(matches!(decode(&out[status..]), Ok(Some((_, length))) if length == out.len() - status));
        }
    }

    #[test]
    fn doubles_read_back_exactly(bits in any::<u64>()) {
        let value = f64::from_bits(bits);
        prop_assume!(!value.is_nan());
        let mut out = Vec::new();
        Reply::new(&mut out, Protocol::Resp3).double(value);
        // The mark, a sign, 17 digits and seven zeros, CR LF.
        prop_assert!(out.len() <= 28);
        let decoded = decode(&out);
        let expected = Ok(Some((Value::Double(value), out.len())));
        prop_assert_eq!(decoded, expected);
    }
}
