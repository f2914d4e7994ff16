//! The framing rows of the list of bad input (B01 to B12), quoting, and random bytes.

use super::*;
use crate::resp::{Protocol, Reply};
use crate::store::record::write_request;
use proptest::prelude::*;

/// What a connection does with a stream: its requests, and the error that closes it.
#[derive(Debug, Default, PartialEq)]
struct Outcome {
    requests: Vec<Vec<Vec<u8>>>,
    error: Option<ProtocolError>,
    /// Bytes that begin a request and do not complete it.
    pending: usize,
}

/// Feeds chunks through an [`Input`] as a host does.
fn run<'a>(chunks: impl IntoIterator<Item = &'a [u8]>, limits: &RequestLimits) -> Outcome {
    let (mut input, mut parser) = (Input::new(), Parser::new());
    let mut outcome = Outcome::default();
    for chunk in chunks {
        input.feed(chunk);
        loop {
            match parser.parse_input(&mut input, limits) {
                Ok(Some(consumed)) => {
                    let arguments = parser.arguments(input.pending());
                    assert!(!arguments.is_empty(), "a request has a name");
                    check_wire(arguments, consumed);
                    outcome.requests.push(arguments.iter().map(<[u8]>::to_vec).collect());
                    assert!(consumed > 0, "a request has a length");
                    input.consume(consumed);
                }
                Ok(None) => break,
                Err(error) => {
                    outcome.error = Some(error);
                    return outcome;
                }
            }
        }
    }
    outcome.pending = input.len();
    outcome
}

/// What the log keeps of a request is what it would have written itself.
#[track_caller]
fn check_wire(arguments: Arguments<'_>, consumed: usize) {
    let copy = RequestBuf::from(arguments);
    assert_eq!(copy.arguments().wire(), None, "its bytes are not framed");
    assert_eq!(arguments.tail(1).wire(), None, "the frame is of all arguments");
    if let Some(wire) = arguments.wire() {
        let mut framed = Vec::new();
        write_request(&mut framed, copy.arguments());
        assert_eq!(wire.escape_ascii().to_string(), framed.escape_ascii().to_string());
        assert_eq!(wire.len(), consumed);
    }
}

#[test]
fn the_wire_is_known_of_arrays_alone() {
    let wire_of = |bytes: &'static [u8]| {
        let mut parser = Parser::new();
        let step = parser.parse(bytes, &RequestLimits::default()).expect("it is a request");
        assert!(matches!(step, Step::Request { .. }));
        parser.arguments(bytes).wire().map(<[u8]>::to_vec)
    };
    let get = b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n";
    assert_eq!(wire_of(get).as_deref(), Some(&get[..]));
    assert_eq!(wire_of(b"*1\r\n$4\r\nPING\r\n*1\r\n").as_deref(), Some(&b"*1\r\n$4\r\nPING\r\n"[..]));
    assert_eq!(wire_of(b"GET a\r\n"), None);
}

fn whole(bytes: &[u8]) -> Outcome {
    run([bytes], &RequestLimits::default())
}

#[track_caller]
fn check_requests(bytes: &[u8], expected: &[&[&str]]) {
    let expected: Vec<Vec<Vec<u8>>> =
        expected.iter().map(|request| request.iter().map(|word| word.as_bytes().to_vec()).collect()).collect();
    let outcome = Outcome { requests: expected, ..Outcome::default() };
    assert_eq!(whole(bytes), outcome, "{}", bytes.escape_ascii());
}

/// Checks the error reply, or its absence, split and unsplit.
#[track_caller]
fn check_error_with(limits: &RequestLimits, bytes: &[u8], reply: &[u8]) {
    for outcome in [run([bytes], limits), run(bytes.chunks(1), limits)] {
        let error = outcome.error.unwrap_or_else(|| panic!("no error for {}", bytes.escape_ascii()));
        let mut out = Vec::new();
        let written = error.write(&mut Reply::new(&mut out, Protocol::Resp2));
        assert_eq!(written, !out.is_empty());
        let expected = if reply.is_empty() { Vec::new() } else { [b"-ERR Protocol error: ", reply, b"\r\n"].concat() };
        assert_eq!(
            out.escape_ascii().to_string(),
            expected.escape_ascii().to_string(),
            "{}",
            bytes[..bytes.len().min(60)].escape_ascii()
        );
    }
}

#[track_caller]
fn check_error(bytes: &[u8], reply: &str) {
    check_error_with(&RequestLimits::default(), bytes, reply.as_bytes());
}

#[track_caller]
fn check_waits(bytes: &[u8]) {
    let outcome = Outcome { pending: bytes.len(), ..Outcome::default() };
    assert_eq!(whole(bytes), outcome, "{}", bytes.escape_ascii());
}

#[test]
fn plain_requests() {
    check_requests(b"*1\r\n$4\r\nPING\r\n", &[&["PING"]]);
    check_requests(
        b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$10\r\n0123456789\r\nPING\r\n*2\r\n$3\r\nGET\r\n$0\r\n\r\n",
        &[&["SET", "key", "0123456789"], &["PING"], &["GET", ""]],
    );
    check_requests(b"*1\r\n$6\r\n\r\n\r\n\r\n\r\n", &[&["\r\n\r\n\r\n"]]);
}

#[test]
fn b01_empty_requests_are_ignored() {
    for nothing in ["\r\n", "\n", "  \t\r\n", "*0\r\n", "*-10\r\n", "*-1\r\n", "\r\n*0\r\n\n"] {
        for request in ["PING a\r\n", "*2\r\n$4\r\nPING\r\n$1\r\na\r\n"] {
            let bytes = [nothing, request, nothing, request].concat();
            check_requests(bytes.as_bytes(), &[&["PING", "a"], &["PING", "a"]]);
        }
    }
    // Nothing of an ignored request stays buffered.
    assert_eq!(whole(b"\r\n*0\r\n").pending, 0);
    assert_eq!(whole(b"\r\n*0\r\n*1").pending, 2);
}

#[test]
fn b02_invalid_counts() {
    for count in [
        "2147483648",
        "3000000000",
        "+1",
        "01",
        " 1",
        "abc",
        "",
        "-",
        "-0",
        "1 ",
        "1\n",
        "00000001",
        "99999999999999999999",
    ] {
        check_error(format!("*{count}\r\n").as_bytes(), "invalid multibulk length");
    }
    check_error(b"*1\rX", "invalid multibulk length");
}

#[test]
fn b03_declared_counts_allocate_nothing() {
    for count in ["1048577", "2147483647"] {
        let bytes = format!("*{count}\r\n");
        let mut parser = Parser::new();
        let step = parser.parse(bytes.as_bytes(), &RequestLimits::default());
        assert_eq!(step, Ok(Step::Incomplete));
        assert_eq!(parser.allocated_bytes(), 0);
    }
}

#[test]
fn b04_every_byte_but_a_dollar_is_refused() {
    for byte in 0..=255u8 {
        let bytes = [b"*1\r\n", &[byte][..], b"oo\r\n"].concat();
        if byte == b'$' {
            check_error(&bytes, "invalid bulk length");
            continue;
        }
        let shown = if matches!(byte, b'\r' | b'\n') { b' ' } else { byte };
        let reply = [b"expected '$', got '", &[shown][..], b"'"].concat();
        check_error_with(&RequestLimits::default(), &bytes, &reply);
    }
    check_error(b"*2\r\n$1\r\na\r\n*1\r\n", "expected '$', got '*'");
}

#[test]
fn b05_invalid_lengths() {
    for length in ["-1", "-10", "abc", "536870913", "?", "", "+1", "01", " 1", "4294967296"] {
        let bytes = format!("*1\r\n${length}\r\n");
        check_error(bytes.as_bytes(), "invalid bulk length");
    }
    check_waits(b"*1\r\n$536870912\r\n");
    check_error_with(&RequestLimits::new(10, 1000), b"*1\r\n$11\r\n", b"invalid bulk length");
    assert_eq!(run([&b"*1\r\n$10\r\n"[..]], &RequestLimits::new(10, 1000)).error, None);
}

#[test]
fn b06_a_bulk_ends_with_crlf() {
    for bytes in ["$4\r\nPINGXX", "$4\r\nPING\n\r", "$4\r\nPING\rX", "$3\r\nPING\r\n"] {
        let bytes = format!("*1\r\n{bytes}");
        check_error(bytes.as_bytes(), "expected CRLF after bulk");
    }
}

#[test]
fn b07_lf_framing_waits_except_inline() {
    check_waits(b"*1\n");
    check_waits(b"*1\r\n$4\n");
    check_waits(b"*1\n$4\nPING\n");
    check_requests(b"PING\nPING\r\n", &[&["PING"], &["PING"]]);
}

#[test]
fn b08_endless_lines() {
    let limits = RequestLimits::default();
    for (start, reply) in
        [("", "too big inline request"), ("*", "too big mbulk count string"), ("*1\r\n$", "too big bulk count string")]
    {
        for filler in *b"1\0 " {
            if filler != b'1' && start.len() > 1 {
                continue;
            }
            let line = start.len() - start.rfind(['*', '$']).unwrap_or(start.len());
            let mut bytes = start.as_bytes().to_vec();
            bytes.resize(start.len() + MAX_LINE_BYTES - line, filler);
            assert_eq!(run([&bytes[..]], &limits).error, None, "{start} at the limit");
            bytes.push(filler);
            check_error(&bytes, reply);
            // Also when the line end came in the same read.
            bytes.extend_from_slice(b"\r\n");
            check_error(&bytes, reply);
        }
    }
    let mut bytes = vec![b'a'; MAX_LINE_BYTES];
    bytes.push(b'\n');
    assert_eq!(whole(&bytes).requests.len(), 1);
}

#[test]
fn b09_unbalanced_quotes() {
    for line in ["\"", "'", "SET k \"a", "SET k 'a", "\"a\"b", "'a'b", "'a\\'", "\"a\\\"", "a\"b\"c", "\"\\"] {
        check_error(format!("{line}\r\n").as_bytes(), "unbalanced quotes in request");
    }
}

#[test]
fn inline_quoting_follows_redis() {
    for (line, expected) in [
        (r#"SET k "a\x41\n\q""#, &["SET", "k", "aA\nq"][..]),
        (r#"a "\r\t\b\a\\\"" "#, &["a", "\r\t\x08\x07\\\""]),
        (r"SET k 'a\'b\n'", &["SET", "k", "a'b\\n"]),
        (r#"SET k a"b c""#, &["SET", "k", "ab c"]),
        (r#"SET k "\xZZ\x4""#, &["SET", "k", "xZZx4"]),
        ("\x0bPING", &["PING"]),
        ("SET\x0bk v", &["SET\x0bk", "v"]),
        ("ECHO \"b\"\x0bc", &["ECHO", "b", "c"]),
        ("ECHO a\rb\t c", &["ECHO", "a", "b", "c"]),
        ("\"\" ''", &["", ""]),
        ("a\0b", &["a\0b"]),
        (r#""a" 'b' c"#, &["a", "b", "c"]),
        ("PING\r", &["PING"]),
    ] {
        check_requests(format!("{line}\r\n").as_bytes(), &[expected]);
    }
    assert_eq!(whole(b"a \"\\xff\\xFE\"\n").requests, [[&b"a"[..], b"\xff\xfe"]]);
}

#[test]
fn b10_resp3_aggregates_are_no_requests() {
    for mark in ['%', '~', '>', '|', '$'] {
        let reply = format!("expected '*', got '{mark}'");
        check_error(format!("{mark}1\r\n").as_bytes(), &reply);
        check_error(format!("PING\r\n{mark}?\r\n").as_bytes(), &reply);
    }
    check_error(b"*1\r\n$?\r\n;4\r\nPING\r\n", "invalid bulk length");
    check_error(b"*?\r\n", "invalid multibulk length");
}

#[test]
fn b11_limits_before_authentication() {
    let limits = RequestLimits::default().unauthenticated();
    check_error_with(&limits, b"*11\r\n", b"unauthenticated multibulk length");
    check_error_with(&limits, b"*1\r\n$16385\r\n", b"unauthenticated bulk length");
    check_error_with(&limits, b"*1\r\n$536870913\r\n", b"invalid bulk length");
    let mut at_the_limits = b"*10\r\n$16384\r\n".to_vec();
    at_the_limits.resize(at_the_limits.len() + 16384, b'x');
    at_the_limits.extend_from_slice(b"\r\n");
    at_the_limits.extend_from_slice(&b"$1\r\na\r\n".repeat(9));
    assert_eq!(run([&at_the_limits[..]], &limits).requests[0].len(), 10);
    // Five arguments of 16 KiB pass each limit but the one of the whole request.
    let argument = [b"$16384\r\n", &[b'x'; 16384][..], b"\r\n"].concat();
    let bytes = [b"*5\r\n", &argument.repeat(5)[..]].concat();
    check_error_with(&limits, &bytes, b"");
    assert_eq!(run([&bytes[..]], &RequestLimits::default()).requests.len(), 1);
}

#[test]
fn too_large_requests_close_without_reply() {
    let limits = RequestLimits::new(u64::MAX, 100);
    check_error_with(&limits, b"*1\r\n$90\r\n", b"");
    assert_eq!(run([&b"*1\r\n$89\r\n"[..]], &limits).error, None, "4 + 5 + 89 + 2 bytes are 100");
    let widest = RequestLimits::new(u64::MAX, u64::MAX);
    check_error_with(&widest, b"*1\r\n$4294967295\r\n", b"");
    check_error_with(&widest, b"*1\r\n$4294967296\r\n", b"invalid bulk length");
}

#[test]
fn b21_b22_other_protocols_are_closed_without_reply() {
    for bytes in [
        "POST / HTTP/1.1\r\n",
        "post x\n",
        "Host: a\r\n",
        "HOST: a\r\n",
        "GET / HTTP/1.1\r\n",
        "PUT /k HTTP/1.0\r\n",
        "OPTIONS * HTTP/1.1\r\n",
        "CONNECT a:1 HTTP/1.1\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "SSH-2.0-OpenSSH_9\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
        "\r\n\r\n\0\r\nQUIT\n",
        "\x16\x03\x01",
    ] {
        check_error(bytes.as_bytes(), "");
        assert_eq!(whole(bytes.as_bytes()).requests, Vec::<Vec<Vec<u8>>>::new());
    }
    check_waits(b"\x16");
    for bytes in ["GET HTTP/1.1\r\n", "GET k\r\n", "SET k HTTP/1.1\r\n", "POSTS\r\n", "PROXY x\r\n"] {
        assert_eq!(whole(bytes.as_bytes()).requests.len(), 1, "{bytes}");
    }
    // As an argument array it is a command like any other.
    check_requests(b"*1\r\n$4\r\nPOST\r\n", &[&["POST"]]);
}

#[test]
fn b12_ten_thousand_pipelined_requests() {
    let bytes = b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n".repeat(10_000);
    assert_eq!(whole(&bytes).requests.len(), 10_000);
    let split = run(bytes.chunks(7), &RequestLimits::default());
    assert_eq!(split, whole(&bytes));
}

#[test]
fn b12_every_split_of_the_corpus() {
    let limits = RequestLimits::default();
    let corpus: [&[u8]; 8] = [
        b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$12\r\nhello\r\nworld\r\n*1\r\n$4\r\nPING\r\n",
        b"\r\n\n*0\r\nSET k \"a \\x41\"\r\n*-3\r\n*2\r\n$3\r\nGET\r\n$0\r\n\r\nPING\n",
        b"*1\r\n$4\r\nPINGXX",
        b"PING\r\n*1\r\n$abc\r\nPING\r\n",
        b"PING\r\n*abc\r\nPING\r\n",
        b"PING 'x\r\nPING\r\n",
        b"PING\r\nGET / HTTP/1.1\r\nPING\r\n",
        b"*2\r\n$4\r\nECHO\r\n$100\r\ntoo short",
    ];
    for bytes in corpus {
        let expected = whole(bytes);
        assert_eq!(run(bytes.chunks(1), &limits), expected);
        for first in 0..=bytes.len() {
            for second in first..=bytes.len() {
                let chunks = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                assert_eq!(run(chunks, &limits), expected, "split at {first}, {second}");
            }
        }
    }
}

#[test]
fn memory_is_reused_and_bounded() {
    let limits = RequestLimits::default();
    let mut parser = Parser::new();
    let small: &[u8] = b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n";
    assert_eq!(parser.parse(small, &limits), Ok(Step::Request { consumed: 20 }));
    let held = parser.allocated_bytes();
    for _ in 0..100 {
        assert_eq!(parser.parse(small, &limits), Ok(Step::Request { consumed: 20 }));
        assert_eq!(parser.argument(small, 1), b"k");
        assert_eq!(parser.allocated_bytes(), held);
    }
    let large = [b"*100000\r\n", &b"$1\r\na\r\n".repeat(100_000)[..]].concat();
    assert!(matches!(parser.parse(&large, &limits), Ok(Step::Request { .. })));
    assert_eq!(parser.spans().len(), 100_000);
    let line = ["x".repeat(60_000), "\n".into()].concat();
    assert!(matches!(parser.parse(line.as_bytes(), &limits), Ok(Step::Request { .. })));
    assert!(matches!(parser.parse(small, &limits), Ok(Step::Request { .. })));
    assert!(parser.allocated_bytes() <= KEPT_SPANS * size_of::<Span>() + KEPT_INLINE_BYTES);
}

#[test]
fn arguments_and_owned_requests() {
    let bytes = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\nvv\r\n";
    let mut parser = Parser::new();
    assert!(parser.parse(bytes, &RequestLimits::default()).is_ok());
    let arguments = parser.arguments(bytes);
    assert_eq!((arguments.len(), arguments.get(2)), (3, &b"vv"[..]));
    assert_eq!((arguments.try_get(1), arguments.try_get(3)), (Some(&b"k"[..]), None));
    assert_eq!(arguments.tail(1).iter().rev().collect::<Vec<_>>(), [&b"vv"[..], b"k"]);
    assert!(arguments.tail(4).is_empty());
    let mut owned = RequestBuf::from(arguments);
    assert_eq!(owned, ["SET", "k", "vv"].into_iter().collect());
    assert!(owned.arguments().iter().eq(arguments.iter()));
    assert_eq!(format!("{owned:?}"), r#"["SET", "k", "vv"]"#);
    owned.push(b"NX");
    assert_eq!(owned.arguments().get(3), b"NX");
    owned.clear();
    assert!(owned.arguments().is_empty());
}

#[test]
fn errors_have_a_text_for_logs() {
    let errors = [
        ProtocolError::ExpectedBulk(b'\n'),
        ProtocolError::InvalidCount,
        ProtocolError::RequestTooLarge,
        ProtocolError::CrossProtocol,
    ];
    let texts = errors.map(|error| error.to_string());
    assert_eq!(texts[0], "expected '$', got '\\n'");
    assert!(texts.iter().all(|text| !text.is_empty()));
}

/// Bytes that are likely to look like requests for a while.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..12).prop_map(|bytes| {
            [format!("*2\r\n$4\r\nECHO\r\n${}\r\n", bytes.len()).as_bytes(), &bytes, b"\r\n"].concat()
        }),
        1 => prop::sample::select(vec![
            "*1\r\n", "*0\r\n", "*3\r\n", "$4\r\n", "$0\r\n\r\n", "PING\r\n", "\n", "\r", "\"", "'",
            "\\", "x41", " ", "*", "$", "-1", "\r\n", "GET / HTTP/1.1\r\n", "\x16", "\x03", "%1\r\n",
        ]).prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..6),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn any_bytes_in_any_chunks_give_the_same(
        bytes in stream(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let limits = RequestLimits::default();
        let expected = whole(&bytes);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let chunks = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]);
        prop_assert_eq!(&run(chunks, &limits), &expected);
        prop_assert_eq!(&run(bytes.chunks(1), &limits), &expected);
    }

    #[test]
    fn requests_come_back_as_they_were_sent(
        request in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..8),
    ) {
        let mut wire = format!("*{}\r\n", request.len()).into_bytes();
        for argument in &request {
            wire.extend_from_slice(format!("${}\r\n", argument.len()).as_bytes());
            wire.extend_from_slice(argument);
            wire.extend_from_slice(b"\r\n");
        }
        prop_assert_eq!(whole(&wire).requests, vec![request]);
    }

    #[test]
    fn hex_quoting_keeps_every_byte(argument in prop::collection::vec(any::<u8>(), 0..40)) {
        let escaped: String = argument.iter().map(|byte| format!("\\x{byte:02x}")).collect();
        let outcome = whole(format!("ECHO \"{escaped}\"\r\n").as_bytes());
        prop_assert_eq!(outcome.requests, vec![vec![b"ECHO".to_vec(), argument]]);
    }
}
