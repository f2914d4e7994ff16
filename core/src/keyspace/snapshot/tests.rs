//! The state at the beginning is what comes out, whatever happens meanwhile: small values and large ones, which these
//! tests meet at half a kilobyte.

use super::*;
use crate::hash::Random;
use crate::keyspace::Layout;
use crate::keyspace::entry::Value;
use crate::keyspace::object::Object;
use crate::load::Loader;
use crate::rdb::{Limits, read_file, write_end, write_header};
use crate::settings::Settings;
use crate::store::record::Change;
use crate::structure::listpack::Item;
use crate::structure::rdb::length::write_string_as;
use crate::structure::stream::{Stream, StreamId};
use std::collections::BTreeMap;

const DATABASES: u32 = 4;
const KEYS: u64 = 24;

/// Elements of a value: sorted where they have no order.
type Content = Vec<(Vec<u8>, Vec<u8>, Option<u64>)>;
type State = BTreeMap<(u16, Vec<u8>), (Option<u64>, Content)>;

fn form() -> Form {
    Form::new(&Settings::default())
}

/// Collections leave their compact forms soon.
fn small() -> Settings {
    Settings {
        list_max_listpack_size: 6,
        set_max_listpack_entries: 8,
        hash_max_listpack_entries: 8,
        zset_max_listpack_entries: 8,
        stream_node_max_entries: 5,
        ..Settings::default()
    }
}

fn content(value: Value<'_>) -> Content {
    let text = |item: Item<'_>| item.to_vec();
    let single = |bytes: Vec<u8>| vec![(bytes, Vec::new(), None)];
    let object = match value {
        Value::Integer(integer) => return single(integer.to_string().into_bytes()),
        Value::Bytes(bytes) => return single(bytes.to_vec()),
        Value::Object(object) => object,
    };
    let mut elements: Content = match object {
        Object::Raw(bytes) => return single(bytes.clone()),
        Object::List(list) => return list.iter().map(|item| (text(item), Vec::new(), None)).collect(),
        Object::SortedSet(set) => {
            set.iter().map(|(member, score)| (text(member), score.to_string().into_bytes(), None)).collect()
        }
        Object::Set(set) => set.iter().map(|member| (text(member), Vec::new(), None)).collect(),
        Object::Hash(hash) => hash.iter().map(|(field, value, ends)| (text(field), text(value), ends)).collect(),
        Object::Stream(stream) => return stream_content(stream),
    };
    elements.sort();
    elements
}

fn stream_content(stream: &Stream) -> Content {
    let mut content = Content::new();
    let text = |what: &dyn std::fmt::Debug| format!("{what:?}").into_bytes();
    for entry in stream.log().range(StreamId::MIN, StreamId::MAX) {
        let fields: Vec<_> = entry.fields.map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
        content.push((text(&entry.id), text(&fields), None));
    }
    let log = stream.log();
    content.push((text(&log.last_id()), text(&log.max_deleted_id()), Some(log.entries_added())));
    for (name, group) in stream.groups() {
        let pending: Vec<_> = group.pending_range(StreamId::MIN, StreamId::MAX).map(|(id, _)| id).collect();
        content.push((name.to_vec(), text(&(group.last_id(), pending)), group.entries_read()));
        content.extend(group.consumers().map(|it| (it.name().to_vec(), Vec::new(), Some(it.pending_len() as u64))));
    }
    content
}

fn state(shards: &[Shard]) -> State {
    let entries = |shard: &Shard, db: u16| -> Vec<_> {
        let row = |entry: &Entry| ((db, entry.key().to_vec()), (entry.deadline_ms(), content(entry.value())));
        shard.database(db).iter().map(row).collect()
    };
    shards.iter().flat_map(|shard| (0..DATABASES as u16).flat_map(|db| entries(shard, db))).collect()
}

fn command(random: &mut Random, now_ms: u64) -> String {
    let mut draw = |below: u64| random.next_u64() % below;
    let (of, other, db, number) = (draw(KEYS), draw(KEYS), draw(4), draw(1000));
    let deadline = now_ms + draw(400);
    let (index, few) = (draw(80), draw(9) + 1);
    let name = |of: u64| format!("{}{of}", ["k", "l", "s", "h", "z", "x"][(of % 6) as usize]);
    let (key, other_key) = (name(of), name(other));
    // Keys of one kind, so that some of them grow large.
    let (list, set, hash, sorted) =
        (name(of / 6 * 6 + 1), name(of / 6 * 6 + 2), name(of / 6 * 6 + 3), name(of / 6 * 6 + 4));
    let stream = name(of / 6 * 6 + 5);
    let (set_2, sorted_2) = (name(other / 6 * 6 + 2), name(other / 6 * 6 + 4));
    let many = |word: &str| (0..12).map(|i| word.replace('#', &(number % 60 + i).to_string())).collect::<String>();
    match draw(118) {
        0 if number < 150 => "FLUSHDB".to_owned(),
        1 => format!("SWAPDB {db} {}", number % 4),
        2 => format!("MOVE {key} {db}"),
        3 => format!("RENAME {key} {other_key}"),
        4 | 5 => format!("COPY {key} {other_key} DB {db} REPLACE"),
        6 | 7 => format!("DEL {key}"),
        9 | 10 => format!("PEXPIREAT {key} {deadline}"),
        11 => format!("PERSIST {key}"),
        12..15 => format!("APPEND k{of} {number}"),
        15 => format!("SET {key} {number} KEEPTTL"),
        16 | 17 => format!("SET k{of} {number}"),
        18 => format!("SETRANGE k{of} {} {number}", index * 10),
        19 => format!("GETDEL k{of}"),
        20..26 => format!("RPUSH {list}{}", many(" tail-#")),
        26..30 => format!("LPUSH {list}{}", many(" head-#")),
        30 => format!("LPOP {list} {few}"),
        31 => format!("RPOP {list} {few}"),
        32 => format!("LSET {list} {index} set-{number}"),
        33 => format!("LINSERT {list} BEFORE tail-{index} in-{number}"),
        34 => format!("LREM {list} {} tail-{index}", few as i64 - 5),
        35 => format!("LTRIM {list} {} -{few}", few - 1),
        36 => format!("LMOVE {list} l1 LEFT RIGHT"),
        37 => format!("LTRIM {list} {index} 200"),
        38 => format!("XTRIM {stream} MAXLEN {index}"),
        39 => format!("XDEL {stream} {}-0 {}-0", now_ms - few, now_ms - index),
        40..48 => format!("SADD {set}{}", many(" member-#")),
        48..50 => format!("SREM {set}{}", many(" member-#")),
        50 => format!("SPOP {set} {few}"),
        51 => format!("SPOP {set} {index}"),
        52 => format!("SUNIONSTORE {set} {set} {set_2}"),
        53 => format!("SINTERSTORE {set} {set} {set_2}"),
        54 => format!("SMOVE {set} {set_2} member-{index}"),
        55..63 => format!("HSET {hash}{}", many(" field-# 1#")),
        63 | 64 => format!("HDEL {hash}{}", many(" field-#")),
        65 => format!("HINCRBY {hash} field-{index} {number}"),
        66 | 67 => format!("HPEXPIREAT {hash} {deadline} FIELDS 2 field-{index} field-{few}"),
        68 => format!("HPERSIST {hash} FIELDS 1 field-{index}"),
        70..79 => format!("ZADD {sorted}{}", many(" 1# member-#")),
        79..82 => format!("ZADD {sorted} {number} member-{index}"),
        82 | 83 => format!("ZINCRBY {sorted} {number} member-{index}"),
        84 | 85 => format!("ZREM {sorted}{}", many(" member-#")),
        86 => format!("ZPOPMIN {sorted} {few}"),
        87 => format!("ZPOPMAX {sorted} {few}"),
        88 => format!("ZREMRANGEBYRANK {sorted} {few} {}", few + 20),
        89 => format!("ZREMRANGEBYSCORE {sorted} -inf {number}"),
        90 => format!("ZUNIONSTORE {sorted} 2 {sorted} {sorted_2}"),
        91 => format!("ZRANGESTORE {sorted} {sorted_2} 0 {index}"),
        92 => format!("SORT {list} ALPHA STORE {list}"),
        93 if number < 200 => format!("DEL {list} {set} {hash} {sorted}"),
        94 => format!("UNLINK {other_key}"),
        95..98 => format!("SADD {set_2}{}", many(" other-#")),
        98 | 99 => format!("ZADD {sorted_2}{}", many(" 2# other-#")),
        100..110 => format!("XADD {stream} * field-{} {}", few / 4, "v".repeat(1 + number as usize % 60)),
        110 => format!("XGROUP CREATE {stream} group-{few} 0"),
        111..114 => format!("XREADGROUP GROUP group-{few} consumer-{} COUNT {few} STREAMS {stream} >", index % 3),
        114 => format!("XACK {stream} group-{few} {}-0", now_ms - index),
        115 => format!("XGROUP DESTROY {stream} group-{few}"),
        _ => format!("XADD {stream} MAXLEN ~ 20 * field-1 {number}"),
    }
}

#[test]
fn a_snapshot_is_the_state_at_its_beginning() {
    let (mut within_values, mut long_texts) = (0, 0);
    for seed in 0..30 {
        let mut random = Random::new(seed);
        let layout = Layout::new(2, DATABASES, [seed, 7]);
        let mut shards = layout.build();
        let mut loader = Loader::new(layout, &small());
        let mut now_ms = 1_000_000;
        let mut run = |shards: &mut [Shard], random: &mut Random, now_ms: u64| {
            let text = command(random, now_ms);
            let db = (random.next_u64() % u64::from(DATABASES)) as u16;
            let line = format!("{text}\r\n");
            let change = Change { now_us: now_ms * 1000, db, requests: line.as_bytes() };
            loader.apply(shards, &change).expect(&text);
        };
        for _ in 0..600 {
            run(&mut shards, &mut random, now_ms);
            now_ms += random.next_u64() % 3;
        }
        for _ in 0..3 {
            let expected = state(&shards);
            shards.iter_mut().for_each(|shard| shard.begin_snapshot(form()));
            let mut file = Vec::new();
            write_header(11, &mut file);
            let mut is_over = [false; 2];
            let mut id = 0;
            while is_over.contains(&false) {
                for _ in 0..random.next_u64() % 12 {
                    run(&mut shards, &mut random, now_ms);
                    now_ms += random.next_u64() % 3;
                }
                shards[id].tick(now_ms);
                let progress = shards[id].snapshot_slice(20 + random.next_u64() as usize % 100, &mut file);
                is_over[id] = matches!(progress, Progress::Over { is_whole: true });
                within_values += usize::from(progress == Progress::WithinValue);
                if let Progress::LongText(text) = &progress {
                    assert!(text.len() >= 512, "it is long");
                    write_string_as(&mut file, text, form().compression);
                    long_texts += 1;
                }
                // What follows within a value is of the same shard.
                if progress != Progress::WithinValue {
                    id = (random.next_u64() % 2) as usize;
                }
            }
            write_end(&mut file);
            file.extend_from_slice(&crate::structure::rdb::crc64::update(0, &file).to_le_bytes());
            let mut found = State::new();
            let limits = Limits::new(&Settings::default(), layout.hasher());
            let mut keep = |db: u16, entry: Entry| {
                let row = (entry.deadline_ms(), content(entry.value()));
                match found.insert((db, entry.key().to_vec()), row) {
                    None => Ok(()),
                    Some(_) => Err("a key comes twice"),
                }
            };
            read_file(&mut &file[..], &limits, false, &mut keep).expect("it is whole");
            assert_eq!(found, expected, "seed {seed}");
            for shard in &shards {
                let stray = (0..DATABASES as u16).flat_map(|db| shard.database(db).iter());
                assert!(stray.into_iter().all(|entry| entry.epoch() == shard.epoch), "seed {seed}");
            }
        }
    }
    assert!(long_texts > 50, "long strings were met: {long_texts}");
    assert!(within_values > 1500, "large values were met: {within_values}");
}
