//! RESP to JSON in both encodings.

use super::*;
use proptest::prelude::*;

#[track_caller]
fn check(resp: &str, plain: &str, base64: &str) {
    for (encoding, expected) in [(Encoding::Plain, plain), (Encoding::Base64, base64)] {
        let mut out = b"before ".to_vec();
        let kind = write_result(resp.as_bytes(), encoding, &mut out);
        assert_eq!(String::from_utf8_lossy(&out), format!("before {expected}"));
        let error = expected.starts_with("{\"error\"");
        assert_eq!(kind, Ok(if error { Kind::Error } else { Kind::Result }));
    }
}

#[test]
fn results() {
    for (resp, plain, base64) in [
        ("+OK\r\n", r#""OK""#, r#""OK""#),
        ("$2\r\nOK\r\n", r#""OK""#, r#""OK""#),
        ("+PONG\r\n", r#""PONG""#, r#""UE9ORw==""#),
        ("$3\r\nbar\r\n", r#""bar""#, r#""YmFy""#),
        ("$0\r\n\r\n", r#""""#, r#""""#),
        ("$-1\r\n", "null", "null"),
        ("*-1\r\n", "null", "null"),
        ("_\r\n", "null", "null"),
        (":42\r\n", "42", "42"),
        (":9007199254740992\r\n", "9007199254740992", "9007199254740992"),
        (":-9007199254740993\r\n", r#""-9007199254740993""#, r#""LTkwMDcxOTkyNTQ3NDA5OTM=""#),
        (",3.5\r\n", r#""3.5""#, r#""My41""#),
        ("(12\r\n", r#""12""#, r#""MTI=""#),
        ("#t\r\n", "1", "1"),
        ("#f\r\n", "0", "0"),
        ("=5\r\ntxt:a\r\n", r#""a""#, r#""YQ==""#),
        ("*0\r\n", "[]", "[]"),
        ("*3\r\n:1\r\n$1\r\na\r\n*1\r\n$-1\r\n", r#"[1,"a",[null]]"#, r#"[1,"YQ==",[null]]"#),
        ("%2\r\n+a\r\n:1\r\n+b\r\n:2\r\n", r#"["a",1,"b",2]"#, r#"["YQ==",1,"Yg==",2]"#),
        ("~1\r\n:1\r\n", "[1]", "[1]"),
        (">1\r\n:1\r\n", "[1]", "[1]"),
        ("|1\r\n+k\r\n*1\r\n:1\r\n:5\r\n", "5", "5"),
        ("*1\r\n|1\r\n+k\r\n%1\r\n:1\r\n:2\r\n:5\r\n", "[5]", "[5]"),
        ("*2\r\n-ERR x\r\n:1\r\n", r#"[{"error":"ERR x"},1]"#, r#"[{"error":"ERR x"},1]"#),
    ] {
        let result = |value: &str| format!("{{\"result\":{value}}}");
        check(resp, &result(plain), &result(base64));
    }
}

#[test]
fn errors_are_never_base64() {
    let json = r#"{"error":"ERR \"x\""}"#;
    check("-ERR \"x\"\r\n", json, json);
    check("!7\r\nERR \"x\"\r\n", json, json);
}

#[test]
fn strings_are_escaped_and_repaired() {
    let mut out = Vec::new();
    write_string(b"a\"\\/\n\r\t\x00\x1f\x7f\xc3\xa9\xff\xe2\x82z", &mut out);
    assert_eq!(String::from_utf8_lossy(&out), "\"a\\\"\\\\/\\n\\r\\t\\u0000\\u001f\x7f\u{e9}\u{fffd}\u{fffd}z\"");
}

#[test]
fn base64_has_the_test_vectors_of_rfc_4648() {
    for (text, expected) in [
        ("f", "Zg=="),
        ("fo", "Zm8="),
        ("foo", "Zm9v"),
        ("foob", "Zm9vYg=="),
        ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ] {
        let mut out = Vec::new();
        text::write_base64(text.as_bytes(), &mut out);
        assert_eq!(String::from_utf8_lossy(&out), format!("\"{expected}\""));
    }
    let mut out = Vec::new();
    text::write_base64(&[0xfb, 0xff, 0xbf], &mut out);
    assert_eq!(out, b"\"+/+/\"");
}

#[test]
fn arrays_of_results() {
    let mut out = Vec::new();
    let kind = write_results(b"*3\r\n+OK\r\n-ERR x\r\n*1\r\n:1\r\n", Encoding::Base64, &mut out);
    assert_eq!(kind, Ok(Kind::Result));
    assert_eq!(String::from_utf8_lossy(&out), r#"[{"result":"OK"},{"error":"ERR x"},{"result":[1]}]"#);
    out.clear();
    assert_eq!(write_results(b"-EXECABORT x\r\n", Encoding::Plain, &mut out), Ok(Kind::Error));
    assert_eq!(out, br#"{"error":"EXECABORT x"}"#);
}

#[test]
fn anything_but_one_reply_is_an_error_and_leaves_no_trace() {
    let deep = [&b"*1\r\n".repeat(MAX_DEPTH + 1)[..], b":1\r\n"].concat();
    let attributes = b"|1\r\n".repeat(100_000);
    for (resp, expected) in [
        (&b""[..], DecodeError::Truncated),
        (b"*2\r\n:1\r\n", DecodeError::Truncated),
        (b":1\r\n:2\r\n", DecodeError::TrailingBytes),
        (b"*1\r\n?\r\n", DecodeError::UnknownType(b'?')),
        (&deep, DecodeError::TooDeep),
        (&attributes, DecodeError::TooDeep),
    ] {
        let mut out = b"before".to_vec();
        assert_eq!(write_result(resp, Encoding::Plain, &mut out), Err(expected));
        assert_eq!(write_results(resp, Encoding::Plain, &mut out), Err(expected));
        assert_eq!(out, b"before");
    }
    let mut out = Vec::new();
    assert_eq!(write_result(&deep[4..], Encoding::Plain, &mut out), Ok(Kind::Result));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn any_string_gives_clean_json(text in prop::collection::vec(any::<u8>(), 0..60)) {
        let mut out = Vec::new();
        write_string(&text, &mut out);
        let json = String::from_utf8(out).expect("JSON is UTF-8");
        let inner = json.strip_prefix('"').and_then(|json| json.strip_suffix('"')).expect("quoted");
        prop_assert!(inner.chars().all(|char| char >= ' '));
        prop_assert!(!inner.replace("\\\\", "").replace("\\\"", "").contains('"'));
    }

    #[test]
    fn any_bytes_end(resp in prop::collection::vec(prop::sample::select(b"+-:$*_,#(=!~%>|\r\n0123tfx".to_vec()), 0..80)) {
        let mut out = Vec::new();
        let decoded = crate::resp::decode(&resp);
        let whole = matches!(&decoded, Ok(Some((_, length))) if *length == resp.len());
        let written = write_result(&resp, Encoding::Base64, &mut out);
        // The tree parses doubles; the JSON passes their text on.
        prop_assert!(whole == written.is_ok() || decoded == Err(DecodeError::InvalidScalar));
    }
}
