//! Replies there and back, replies cut short, and bytes that are none.

use super::*;
use crate::resp::{Protocol, Reply};
use proptest::prelude::*;

fn bulk(text: &str) -> Value {
    Value::Bulk(text.into())
}

#[test]
fn every_type() {
    use Value::{Array, Boolean, Double, Error, Integer, Map, Null, Push, Set, Status};
    for (bytes, expected) in [
        ("+OK\r\n", Status("OK".into())),
        ("-ERR x\r\n", Error("ERR x".into())),
        ("!5\r\nERR\r\n\r\n", Error("ERR\r\n".into())),
        (":-7\r\n", Integer(-7)),
        (":+7\r\n", Integer(7)),
        ("$2\r\nhi\r\n", bulk("hi")),
        ("$-1\r\n", Null),
        ("*-1\r\n", Null),
        ("_\r\n", Null),
        (",1.5\r\n", Double(1.5)),
        (",inf\r\n", Double(f64::INFINITY)),
        (",-inf\r\n", Double(f64::NEG_INFINITY)),
        ("#t\r\n", Boolean(true)),
        ("#f\r\n", Boolean(false)),
        ("(-123\r\n", Value::BigNumber("-123".into())),
        ("*2\r\n:1\r\n*0\r\n", Array(vec![Integer(1), Array(vec![])])),
        ("~1\r\n:1\r\n", Set(vec![Integer(1)])),
        (">1\r\n$1\r\na\r\n", Push(vec![bulk("a")])),
        ("%1\r\n$1\r\nk\r\n_\r\n", Map(vec![(bulk("k"), Null)])),
        ("=6\r\ntxt:hi\r\n", Value::Verbatim { format: *b"txt", text: "hi".into() }),
        (
            "|1\r\n$1\r\na\r\n:1\r\n+OK\r\n",
            Value::Attribute { pairs: vec![(bulk("a"), Integer(1))], value: Box::new(Status("OK".into())) },
        ),
    ] {
        let len = bytes.len();
        let followed = format!("{bytes}:1\r\n");
        assert_eq!(decode(followed.as_bytes()), Ok(Some((expected, len))), "{bytes:?}");
        for cut in 0..len {
            assert_eq!(decode(&bytes.as_bytes()[..cut]), Ok(None), "{bytes:?} cut at {cut}");
        }
    }
    assert!(matches!(decode(b",nan\r\n"), Ok(Some((Double(value), 6))) if value.is_nan()));
}

#[test]
fn malformed_replies() {
    use DecodeError::{ExpectedCrlf, InvalidLength, InvalidScalar, UnknownType};
    for (bytes, expected) in [
        ("?\r\n", UnknownType(b'?')),
        ("PING\r\n", UnknownType(b'P')),
        (";4\r\n", UnknownType(b';')),
        ("+a\rb", ExpectedCrlf),
        ("$2\r\nhiXX", ExpectedCrlf),
        ("$2\r\nhi\rX", ExpectedCrlf),
        ("$-2\r\n", InvalidLength),
        ("$?\r\n", InvalidLength),
        ("*4294967296\r\n", InvalidLength),
        ("~-1\r\n", InvalidLength),
        (":\r\n", InvalidScalar),
        (":1x\r\n", InvalidScalar),
        (":+-1\r\n", InvalidScalar),
        ("_x\r\n", InvalidScalar),
        ("#x\r\n", InvalidScalar),
        (",\r\n", InvalidScalar),
        (",x\r\n", InvalidScalar),
        ("(\r\n", InvalidScalar),
        ("(1.5\r\n", InvalidScalar),
        ("=3\r\ntxt\r\n", InvalidScalar),
    ] {
        assert_eq!(decode(bytes.as_bytes()), Err(expected), "{bytes:?}");
        assert!(!expected.to_string().is_empty());
    }
    let endless = vec![b'+'; 1024 * 1024 + 2];
    assert_eq!(decode(&endless), Err(DecodeError::LineTooLong));
    assert_eq!(decode(&endless[1..]), Ok(None));
}

#[test]
fn depth_and_declared_lengths_are_bounded() {
    let nested = |depth: usize| [&b"*1\r\n".repeat(depth)[..], b":1\r\n"].concat();
    assert!(matches!(decode(&nested(MAX_DEPTH)), Ok(Some(_))));
    assert_eq!(decode(&nested(MAX_DEPTH + 1)), Err(DecodeError::TooDeep));
    for mark in ["*1\r\n", "~1\r\n", ">1\r\n", "%1\r\n", "|1\r\n"] {
        let bytes = mark.repeat(100_000);
        assert_eq!(decode(bytes.as_bytes()), Err(DecodeError::TooDeep), "{mark:?}");
    }
    // Would take gigabytes if the count were believed.
    assert_eq!(decode(b"*4294967295\r\n:1\r\n"), Ok(None));
    assert_eq!(decode(b"%4294967295\r\n:1\r\n"), Ok(None));
}

fn reply() -> impl Strategy<Value = Value> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..20);
    let scalar = prop_oneof![
        "[a-zA-Z ]{0,10}".prop_map(|text| Value::Status(text.into())),
        "[A-Z]{1,5} [a-z]{0,10}".prop_map(|text| Value::Error(text.into())),
        any::<i64>().prop_map(Value::Integer),
        bytes().prop_map(Value::Bulk),
        Just(Value::Null),
        prop::num::f64::NORMAL.prop_map(Value::Double),
        any::<bool>().prop_map(Value::Boolean),
        bytes().prop_map(|text| Value::Verbatim { format: *b"txt", text }),
        "[1-9][0-9]{0,30}".prop_map(|digits| Value::BigNumber(digits.into())),
    ];
    scalar.prop_recursive(4, 40, 5, |inner| {
        let list = || prop::collection::vec(inner.clone(), 0..5);
        let pairs = || prop::collection::vec((inner.clone(), inner.clone()), 0..4);
        prop_oneof![
            list().prop_map(Value::Array),
            list().prop_map(Value::Set),
            list().prop_map(Value::Push),
            pairs().prop_map(Value::Map),
            (pairs(), inner.clone()).prop_map(|(pairs, value)| Value::Attribute { pairs, value: Box::new(value) }),
        ]
    })
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("the strategy makes ASCII")
}

fn encode(value: &Value, reply: &mut Reply<'_>) {
    match value {
        Value::Status(status) => reply.status(text(status)),
        Value::Error(message) => reply.error(text(message)),
        Value::Integer(integer) => reply.integer(*integer),
        Value::Bulk(payload) => reply.bulk(payload),
        Value::Null => reply.null(),
        Value::Double(double) => reply.double(*double),
        Value::Boolean(boolean) => reply.boolean(*boolean),
        Value::Verbatim { format, text: body } => reply.verbatim(text(format), body),
        Value::BigNumber(digits) => reply.big_number(text(digits)),
        Value::Array(elements) => {
            let array = reply.deferred_array();
            elements.iter().for_each(|element| encode(element, reply));
            reply.close(array, elements.len());
        }
        Value::Set(elements) => {
            reply.set(elements.len());
            elements.iter().for_each(|element| encode(element, reply));
        }
        Value::Push(elements) => {
            reply.push(elements.len());
            elements.iter().for_each(|element| encode(element, reply));
        }
        Value::Map(pairs) => {
            reply.map(pairs.len());
            encode_pairs(pairs, reply);
        }
        Value::Attribute { pairs, value } => {
            if reply.attribute(pairs.len()) {
                encode_pairs(pairs, reply);
            }
            encode(value, reply);
        }
    }
}

fn encode_pairs(pairs: &[(Value, Value)], reply: &mut Reply<'_>) {
    for (key, value) in pairs {
        encode(key, reply);
        encode(value, reply);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    #[test]
    fn replies_come_back_as_they_were_written(value in reply(), cut in any::<prop::sample::Index>()) {
        let mut out = Vec::new();
        encode(&value, &mut Reply::new(&mut out, Protocol::Resp3));
        prop_assert_eq!(decode(&out), Ok(Some((value.clone(), out.len()))));
        prop_assert_eq!(decode(&out[..cut.index(out.len())]), Ok(None));
        // RESP2 loses types, never the framing.
        out.clear();
        encode(&value, &mut Reply::new(&mut out, Protocol::Resp2));
        prop_assert!(matches!(decode(&out), Ok(Some((_, length))) if length == out.len()));
    }

    #[test]
    fn any_bytes_end(bytes in prop::collection::vec(prop_oneof![
        2 => prop::sample::select(b"+-:$*_,#(=!~%>|\r\n0123456789tfx".to_vec()),
        1 => any::<u8>(),
    ], 0..80)) {
        if let Ok(Some((_, length))) = decode(&bytes) {
            prop_assert!(length <= bytes.len());
        }
    }
}
