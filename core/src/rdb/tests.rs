//! Values written and read back, payloads of redis-server, and damaged payloads.

use super::*;
use crate::hash::KeyHasher;
use crate::keyspace::entry::{Entry, NewValue};
use crate::keyspace::object::Stored;
use crate::settings::Settings;
use crate::structure::chunked_list::End;
use crate::structure::stream::{Acknowledgement, Group, Stream, StreamId, Words};
use crate::value::{FieldExpiry, PackLimits, SetLimits};
use proptest::prelude::*;

fn hasher() -> KeyHasher {
    KeyHasher::new([1, 2])
}

pub(super) fn limits() -> Limits {
    Limits::new(&Settings::default(), hasher())
}

fn dump(entry: &Entry, version: u16) -> Vec<u8> {
    let form = Form { version, ..Form::new(&Settings::default()) };
    let kind = Kind::of(entry.value(), version);
    let mut body = vec![kind as u8];
    write_value(entry.value(), kind, &form, &mut body);
    body
}

fn restore(body: &[u8]) -> Result<Entry, Corrupt> {
    let kind = Kind::from_byte(body[0]).ok_or(Corrupt)?;
    read_value(kind, &mut Reader::new(&body[1..]), &limits()).map(|value| value.into_entry(b"key", None, 0))
}

fn entry(value: impl Stored) -> Entry {
    Entry::new(b"key", NewValue::Object(Box::new(value.into_object())), None, 0)
}

/// The value of another entry under a key of its own.
pub(super) fn entry_of(key: &[u8], sample: &Entry, deadline_ms: Option<u64>) -> Entry {
    let body = dump(sample, 11);
    let kind = Kind::from_byte(body[0]).expect("a kind of ours");
    let value = read_value(kind, &mut Reader::new(&body[1..]), &limits()).expect("a value of ours");
    value.into_entry(key, deadline_ms, 0)
}

/// Everything a value says about itself, whatever its encoding.
pub(super) fn content(entry: &Entry) -> String {
    let text = |item: crate::structure::listpack::Item<'_>| String::from_utf8_lossy(&item.to_vec()).into_owned();
    let sorted = |mut parts: Vec<String>| {
        parts.sort();
        parts.join(" ")
    };
    match entry.value() {
        Value::Integer(integer) => integer.to_string(),
        Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::Object(Object::Raw(bytes)) => String::from_utf8_lossy(bytes).into_owned(),
        Value::Object(Object::List(list)) => list.iter().map(text).collect::<Vec<_>>().join(" "),
        Value::Object(Object::Set(set)) => sorted(set.iter().map(text).collect()),
        Value::Object(Object::Hash(hash)) => {
            sorted(hash.iter().map(|(field, value, end)| format!("{}={}@{end:?}", text(field), text(value))).collect())
        }
        Value::Object(Object::SortedSet(set)) => {
            set.iter().map(|(member, score)| format!("{}:{score:?}", text(member))).collect::<Vec<_>>().join(" ")
        }
        Value::Object(Object::Stream(stream)) => stream_content(stream),
    }
}

fn stream_content(stream: &Stream) -> String {
    let log = stream.log();
    let mut out = format!(
        "{} {:?} {:?} {:?} {}",
        log.len(),
        log.first_id(),
        log.last_id(),
        log.max_deleted_id(),
        log.entries_added()
    );
    for item in log.range(StreamId::MIN, StreamId::MAX) {
        let fields: Vec<_> = item.fields.map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
        out += &format!(" {:?}{fields:?}", item.id);
    }
    for (name, group) in stream.groups() {
        out += &format!(" {name:?} {:?} {:?}", group.last_id(), group.entries_read());
        for (id, pending) in group.pending_range(StreamId::MIN, StreamId::MAX) {
            let owner = group.consumer(pending.consumer).map(|consumer| consumer.name().to_vec());
            out += &format!(" {id:?} {owner:?} {} {}", pending.delivered_ms, pending.deliveries);
        }
        for consumer in group.consumers() {
            out += &format!(" {:?} {} {:?}", consumer.name(), consumer.seen_ms, consumer.active_ms);
        }
    }
    out
}

fn list_of(count: usize, bytes: usize) -> Entry {
    let mut list = List::default();
    for place in 0..count {
        list.push(End::Back, format!("{place}{}", "x".repeat(bytes)).as_bytes(), Settings::default().list_limit());
    }
    entry(list)
}

fn set_of(members: impl Iterator<Item = String>) -> Entry {
    let limits: SetLimits = Settings::default().set_limits();
    let mut set = Set::default();
    members.for_each(|member| assert!(set.add(member.as_bytes(), limits, hasher())));
    entry(set)
}

fn hash_of(fields: usize, expiry: impl Fn(usize) -> FieldExpiry) -> Entry {
    let limits: PackLimits = Settings::default().hash_limits();
    let mut hash = Hash::default();
    for place in 0..fields {
        let field = format!("field:{place}");
        hash.store(field.as_bytes(), (place as i64 * 1000).into(), expiry(place), limits, hasher());
    }
    entry(hash)
}

fn sorted_set_of(members: usize) -> Entry {
    let mut set = SortedSet::default();
    for place in 0..members {
        let (member, score) = (format!("member:{place}"), place as f64 / 4.0 - 3.0);
        set.insert(member.as_bytes(), score, Settings::default().sorted_set_limits(), hasher());
    }
    set.insert(b"top", f64::INFINITY, Settings::default().sorted_set_limits(), hasher());
    set.insert(b"-5", 1e300, Settings::default().sorted_set_limits(), hasher());
    entry(set)
}

fn stream_of(entries: u64) -> Entry {
    let mut stream = Stream::new();
    for place in 1..=entries {
        let (number, name) = (place.to_string(), if place % 7 == 0 { "other" } else { "name" });
        let fields = [name.as_bytes(), number.as_bytes(), b"big", b"4611686018427387904"];
        let id = StreamId::new(1_700_000_000_000 + place / 3, place);
        let words = Words { len: fields.len(), word: &|place| fields[place] };
        stream.log_mut().append(id, words, Settings::default().stream_limits()).expect("ascending");
    }
    let second = stream.log().range(StreamId::MIN, StreamId::MAX).nth(1).map(|item| item.id);
    stream.log_mut().delete(second.expect("there are several"));
    stream.create_group(b"group", Group::new(StreamId::MIN, Some(0)));
    stream.create_group(b"lost", Group::new(StreamId::new(5, 5), None));
    stream.with_group(b"group", |log, group| {
        for (name, count) in [("alice", 3), ("bob", 2), ("carol", 0)] {
            let (consumer, _) = group.see_consumer(name.as_bytes(), 42);
            group.read_new(log, consumer, count, Acknowledgement::Needed, 1_000, &mut drop);
        }
    });
    entry(stream)
}

/// A value of each kind that is written, by a name.
pub(super) fn samples() -> Vec<(&'static str, Entry)> {
    let ends =
        |place: usize| if place.is_multiple_of(2) { FieldExpiry::At(5_000 + place as u64) } else { FieldExpiry::Never };
    vec![
        ("integer", Entry::new(b"key", NewValue::Integer(-70_000), None, 0)),
        ("text", Entry::new(b"key", NewValue::Bytes(b"some text, some text, some text"), None, 0)),
        ("raw", Entry::new(b"key", NewValue::Object(Box::new(Object::Raw(b"raw".to_vec()))), None, 0)),
        ("small list", list_of(5, 1)),
        ("large list", list_of(30, 500)),
        ("plain list", list_of(3, 10_000)),
        ("intset", set_of((0..20).map(|place| (place * 5_000).to_string()))),
        ("small set", set_of((0..5).map(|place| format!("m{place}")))),
        ("large set", set_of((0..150).map(|place| format!("m{place}")))),
        ("small hash", hash_of(5, |_| FieldExpiry::Never)),
        ("large hash", hash_of(600, |_| FieldExpiry::Never)),
        ("expiring hash", hash_of(9, ends)),
        ("small sorted set", sorted_set_of(8)),
        ("large sorted set", sorted_set_of(140)),
        ("stream", stream_of(30)),
        ("long stream", stream_of(250)),
    ]
}

#[test]
fn every_kind_comes_back_in_both_versions() {
    for (name, entry) in samples() {
        for version in [VERSION_7_0, 11] {
            let body = dump(&entry, version);
            let back = restore(&body).unwrap_or_else(|_| panic!("{name}, version {version}"));
            let (mut expected, found) = (content(&entry), content(&back));
            if version == VERSION_7_0 {
                // Version 10 knows no activity of consumers.
                expected = expected.replace("Some(1000)", "Some(42)").replace("42 None", "42 Some(42)");
            }
            assert_eq!(found, expected, "{name}, version {version}");
            let encodings = [&entry, &back].map(crate::keyspace::encoding_name);
            assert!(name == "raw" || encodings[0] == encodings[1], "{name}: {encodings:?}");
        }
    }
}

#[test]
fn cut_payloads_are_refused() {
    for (name, entry) in samples() {
        let body = dump(&entry, 11);
        let step = (body.len() / 60).max(1);
        for end in (1..body.len()).step_by(step) {
            assert!(restore(&body[..end]).is_err(), "{name} cut at {end} of {}", body.len());
        }
    }
}

/// Damage either gives an error or a value that can be written, read and counted.
#[test]
fn damaged_payloads_give_an_error_or_a_value() {
    for (name, entry) in samples() {
        let body = dump(&entry, 11);
        // Every byte of the small ones; what is large repeats itself.
        let step = if body.len() < 300 { 1 } else { body.len() / 25 };
        for at in (0..body.len()).step_by(step) {
            for flip in [0x01, 0x10, 0x80] {
                let mut damaged = body.clone();
                damaged[at] ^= flip;
                let Ok(value) = restore(&damaged) else { continue };
                let again = restore(&dump(&value, 11));
                let again = again.unwrap_or_else(|_| panic!("{name}: byte {at}, {flip:#x} gives a value that is none"));
                assert_eq!(content(&again), content(&value), "{name}: byte {at}, {flip:#x}");
            }
        }
    }
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("hex"), 16).expect("hex");
    digits.chunks(2).map(byte).collect()
}

#[test]
fn what_nobody_may_send_is_refused() {
    for (why, body) in [
        ("module", "07 81 00 00"),
        ("unused type", "08 00"),
        ("opcode", "fa 00"),
        ("empty list", "01 00"),
        ("empty set", "02 00"),
        ("empty hash", "04 00"),
        ("empty sorted set", "05 00"),
        ("empty listpack", "10 07 07 00 00 00 00 00 ff"),
        ("member twice", "02 02 01 61 01 61"),
        ("field twice", "04 02 01 61 01 62 01 61 01 63"),
        ("score is NaN", "05 01 01 61 00 00 00 00 00 00 f8 7f"),
        ("text score is NaN", "03 01 01 61 fd"),
        ("odd hash", "10 0a 0a 00 00 00 01 00 81 61 02 ff"),
        ("field twice in a listpack", "10 11 11 00 00 00 04 00 81 61 02 01 01 81 61 02 01 01 ff"),
        ("quicklist container 3", "12 01 03 01 61"),
        ("quicklist of nothing", "12 01 02 07 07 00 00 00 00 00 ff"),
        ("many more members than bytes", "02 81 7f ff ff ff ff ff ff ff 01 61"),
    ] {
        assert!(Kind::from_byte(unhex(body)[0]).is_none() || restore(&unhex(body)).is_err(), "{why}");
    }
}

#[test]
fn old_kinds_are_read() {
    for (body, expected, encoding) in [
        ("01 02 01 61 c0 07", "a 7", "listpack"),
        ("02 03 c0 07 01 61 c1 e8 03", "1000 7 a", "listpack"),
        ("03 03 01 61 03 31 2e 35 01 62 fe 01 63 ff", "c:-inf a:1.5 b:inf", "listpack"),
        ("09 09 01 01 61 02 01 31 32 2e ff", "a=12@None", "listpack"),
        ("0a 18 18 00 00 00 12 00 00 00 04 00 00 01 61 03 f2 02 01 62 03 f0 70 11 01 ff", "a 1 b 70000", "listpack"),
        (
            "0d 18 18 00 00 00 12 00 00 00 04 00 00 01 61 03 f2 02 01 62 03 f0 70 11 01 ff",
            "a=1@None b=70000@None",
            "listpack",
        ),
        (
            "0c 18 18 00 00 00 12 00 00 00 04 00 00 01 61 03 f2 02 01 62 03 f0 70 11 01 ff",
            "a:1.0 b:70000.0",
            "listpack",
        ),
        (
            "0e 02 18 18 00 00 00 12 00 00 00 04 00 00 01 61 03 f2 02 01 62 03 f0 70 11 01 ff \
             18 18 00 00 00 12 00 00 00 04 00 00 01 61 03 f2 02 01 62 03 f0 70 11 01 ff",
            "a 1 b 70000 a 1 b 70000",
            "quicklist",
        ),
        // In the wrong order: found, and set right.
        ("11 11 11 00 00 00 04 00 81 61 02 02 01 81 62 02 01 01 ff", "b:1.0 a:2.0", "listpack"),
        ("19 00 00 00 00 00 00 00 00 0e 0e 00 00 00 03 00 81 61 02 01 01 07 01 ff", "a=1@Some(7)", "hashtable"),
    ] {
        let value = restore(&unhex(body)).unwrap_or_else(|_| panic!("{body}"));
        assert_eq!(content(&value), expected, "{body}");
        assert_eq!(crate::keyspace::encoding_name(&value), encoding, "{body}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_bytes_are_a_value_or_an_error(kind in 0u8..26, bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let mut body = vec![kind];
        body.extend(bytes);
        if let Ok(value) = restore(&body) {
            prop_assert!(restore(&dump(&value, 11)).is_ok());
        }
    }
}
