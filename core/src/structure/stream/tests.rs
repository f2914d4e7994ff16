use super::*;
use proptest::collection::vec;
use proptest::prelude::*;

const LIMITS: NodeLimits = NodeLimits { entries_max: 4, bytes_max: 256 };

type Model = Vec<(StreamId, Vec<Vec<u8>>)>;

fn texts(entry: &Entry<'_>) -> Vec<Vec<u8>> {
    entry.fields.clone().flat_map(|(name, value)| [name.to_vec(), value.to_vec()]).collect()
}

fn contents<'a>(entries: impl Iterator<Item = Entry<'a>>) -> Model {
    entries.map(|entry| (entry.id, texts(&entry))).collect()
}

fn id(ms: u64, seq: u64) -> StreamId {
    StreamId { ms, seq }
}

#[derive(Clone, Debug)]
enum Step {
    Append { ms: u64, seq: u64, fields: Vec<(u8, i64)> },
    Delete(usize),
    Trim { len: Option<u64>, min: usize, approximate: bool, limit: u64 },
    Range(usize, usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..3u64, 0..3u64, vec((0..3u8, -9999..9999i64), 1..4))
            .prop_map(|(ms, seq, fields)| Step::Append { ms, seq, fields }),
        2 => any::<prop::sample::Index>().prop_map(|at| Step::Delete(at.index(1000))),
        1 => (proptest::option::of(0..30u64), 0..1000usize, any::<bool>(), 0..20u64)
            .prop_map(|(len, min, approximate, limit)| Step::Trim { len, min, approximate, limit }),
        2 => (0..1000usize, 0..1000usize).prop_map(|(a, b)| Step::Range(a, b)),
    ]
}

/// The fields of an entry whose fields do not matter.
fn pair() -> Words<'static> {
    Words { len: 2, word: &|place| if place == 0 { b"a" } else { b"b" } }
}

fn at(model: &Model, place: usize) -> StreamId {
    model.get(place % model.len().max(1)).map_or(id(place as u64, 0), |(id, _)| *id)
}

fn apply(log: &mut Log, model: &mut Model, step: &Step) {
    match step {
        Step::Append { ms, seq, fields } => {
            let next = id(log.last_id().ms + ms, if *ms == 0 { log.last_id().seq + seq } else { *seq });
            let fields: Vec<Vec<u8>> =
                fields.iter().flat_map(|(name, value)| [vec![b'f', *name], value.to_string().into_bytes()]).collect();
            let ascending = next > log.last_id();
            assert_eq!(
                log.append(next, Words { len: fields.len(), word: &|place| &fields[place] }, LIMITS).is_ok(),
                ascending
            );
            if ascending {
                model.push((next, fields));
            }
        }
        Step::Delete(place) => {
            let gone = at(model, *place);
            let known = model.iter().any(|(id, _)| *id == gone);
            assert_eq!(log.delete(gone), known);
            assert!(!log.delete(gone));
            model.retain(|(id, _)| *id != gone);
        }
        Step::Trim { len, min, approximate, limit } => {
            let to = len.map_or_else(|| TrimTo::MinId(at(model, *min)), TrimTo::MaxLen);
            let limit = if *approximate { *limit } else { 0 };
            let removed = log.trim(&Trim { to, approximate: *approximate, limit }) as usize;
            let exact = match to {
                TrimTo::MaxLen(len) => model.len().saturating_sub(len as usize),
                TrimTo::MinId(min) => model.iter().filter(|(id, _)| *id < min).count(),
            };
            assert!(if *approximate { removed <= exact } else { removed == exact }, "{removed} of {exact}");
            assert!(limit == 0 || removed as u64 <= limit);
            // Whole nodes only: what is left beyond the mark fits one node.
            assert!(!*approximate || limit > 0 || exact - removed < LIMITS.entries_max as usize);
            model.drain(..removed);
        }
        Step::Range(a, b) => {
            let (start, end) = (at(model, *a), at(model, *b));
            let mut expected = model.clone();
            expected.retain(|(id, _)| (start..=end).contains(id));
            assert_eq!(contents(log.range(start, end)), expected);
            expected.reverse();
            assert_eq!(contents(log.range_back(start, end)), expected);
        }
    }
}

/// A group as lists: (entry, consumer, time, deliveries).
#[derive(Default)]
struct GroupModel {
    pending: Vec<(StreamId, u8, u64, u64)>,
    last: StreamId,
}

#[derive(Clone, Debug)]
enum GroupStep {
    Append,
    Delete(u64),
    Read { consumer: u8, count: usize },
    Reread { consumer: u8, after: u64 },
    Acknowledge(u64),
    Claim { consumer: u8, entry: u64, idle: u64, force: bool },
    AutoClaim { consumer: u8, start: u64, count: usize, idle: u64 },
    Remove(u8),
}

fn group_step() -> impl Strategy<Value = GroupStep> {
    let (consumer, entry, idle) = (0..3u8, 0..20u64, 0..6u64);
    prop_oneof![
        4 => Just(GroupStep::Append),
        1 => entry.clone().prop_map(GroupStep::Delete),
        4 => (consumer.clone(), 1..4usize).prop_map(|(consumer, count)| GroupStep::Read { consumer, count }),
        1 => (consumer.clone(), entry.clone()).prop_map(|(consumer, after)| GroupStep::Reread { consumer, after }),
        2 => entry.clone().prop_map(GroupStep::Acknowledge),
        2 => (consumer.clone(), entry.clone(), idle.clone(), any::<bool>())
            .prop_map(|(consumer, entry, idle, force)| GroupStep::Claim { consumer, entry, idle, force }),
        2 => (consumer.clone(), entry, 1..4usize, idle)
            .prop_map(|(consumer, start, count, idle)| GroupStep::AutoClaim { consumer, start, count, idle }),
        1 => consumer.prop_map(GroupStep::Remove),
    ]
}

fn apply_to_group(log: &mut Log, group: &mut Group, model: &mut GroupModel, now_ms: u64, step: &GroupStep) {
    let name = |consumer: u8| vec![b'c', consumer];
    match step {
        GroupStep::Append => {
            let next = id(log.last_id().ms + 1, 0);
            log.append(next, pair(), LIMITS).expect("ascending");
        }
        GroupStep::Delete(entry) => {
            log.delete(id(*entry, 0));
        }
        GroupStep::Read { consumer, count } => {
            let (reader, _) = group.see_consumer(&name(*consumer), now_ms);
            let mut read = Vec::new();
            group.read_new(log, reader, *count, Acknowledgement::Needed, now_ms, &mut |delivery| read.push(delivery));
            for entry in read {
                assert!(entry.id > model.last);
                model.last = entry.id;
                model.pending.retain(|(known, ..)| *known != entry.id);
                model.pending.push((entry.id, *consumer, now_ms, 1));
            }
        }
        GroupStep::Reread { consumer, after } => {
            let (reader, _) = group.see_consumer(&name(*consumer), now_ms);
            let mut read = Vec::new();
            group.read_pending(log, reader, id(*after, 0), 100, now_ms, &mut |delivery| read.push(delivery));
            let mut expected = Vec::new();
            model.pending.sort();
            for (entry, owner, delivered, deliveries) in &mut model.pending {
                if *owner == *consumer && *entry > id(*after, 0) {
                    expected.push(*entry);
                    if log.get(*entry).is_some() {
                        (*delivered, *deliveries) = (now_ms, *deliveries + 1);
                    }
                }
            }
            assert_eq!(read.iter().map(|read| read.id).collect::<Vec<_>>(), expected);
        }
        GroupStep::Acknowledge(entry) => {
            let before = model.pending.len();
            model.pending.retain(|(known, ..)| *known != id(*entry, 0));
            assert_eq!(group.acknowledge(id(*entry, 0)), model.pending.len() < before);
        }
        GroupStep::Claim { consumer, entry, idle, force } => {
            let (owner, _) = group.see_consumer(&name(*consumer), now_ms);
            let claim = Claim {
                consumer: owner,
                min_idle_ms: *idle,
                delivered_ms: now_ms,
                deliveries: None,
                just_id: false,
                force: *force,
            };
            let claimed = group.claim(log, id(*entry, 0), &claim, now_ms);
            let known = model.pending.iter_mut().find(|(known, ..)| *known == id(*entry, 0));
            match (known, log.get(id(*entry, 0)).is_some()) {
                (Some(known), true) if now_ms - known.2 >= *idle => {
                    *known = (known.0, *consumer, now_ms, known.3 + 1);
                    assert_eq!(claimed, Claimed::Yes);
                }
                (Some(_), true) => assert_eq!(claimed, Claimed::No),
                (Some(_), false) => {
                    model.pending.retain(|(known, ..)| *known != id(*entry, 0));
                    assert_eq!(claimed, Claimed::Gone);
                }
                (None, true) if *force => {
                    model.pending.push((id(*entry, 0), *consumer, now_ms, 2));
                    assert_eq!(claimed, Claimed::Yes);
                }
                (None, _) => assert_eq!(claimed, Claimed::No),
            }
        }
        GroupStep::AutoClaim { consumer, start, count, idle } => {
            let (owner, _) = group.see_consumer(&name(*consumer), now_ms);
            let start = id(*start, 0);
            let claim = AutoClaim { consumer: owner, min_idle_ms: *idle, start, count: *count, just_id: false };
            let result = group.auto_claim(log, &claim, now_ms);
            assert!(result.claimed.len() + result.gone.len() <= *count);
            for entry in &result.claimed {
                let known = model.pending.iter_mut().find(|(known, ..)| known == entry).expect("pending");
                assert!(now_ms - known.2 >= *idle && *entry >= start);
                *known = (*entry, *consumer, now_ms, known.3 + 1);
            }
            model.pending.retain(|(known, ..)| !result.gone.contains(known));
            if result.next == StreamId::MIN {
                assert!(model.pending.iter().all(|(known, ..)| *known < start || log.get(*known).is_some()));
            }
        }
        GroupStep::Remove(consumer) => {
            let owned = model.pending.iter().filter(|(_, owner, ..)| owner == consumer).count();
            model.pending.retain(|(_, owner, ..)| owner != consumer);
            assert_eq!(group.remove_consumer(&name(*consumer)).unwrap_or(0), owned);
        }
    }
    model.pending.sort();
    let pending: Vec<_> = group
        .pending_range(StreamId::MIN, StreamId::MAX)
        .map(|(entry, pending)| {
            let owner = group.consumer(pending.consumer).expect("owners exist");
            (entry, owner.name()[1], pending.delivered_ms, pending.deliveries)
        })
        .collect();
    assert_eq!(pending, model.pending);
    assert_eq!(group.consumers().map(Consumer::pending_len).sum::<usize>(), pending.len());
    for consumer in group.consumers() {
        let own = consumer.pending_range(StreamId::MIN, StreamId::MAX);
        assert!(own.eq(group.pending_range(StreamId::MIN, StreamId::MAX).filter(|(_, pending)| {
            group.consumer(pending.consumer).is_some_and(|owner| owner.name() == consumer.name())
        })));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_log_is_a_sorted_list(steps in vec(step(), 1..80)) {
        let (mut log, mut model) = (Log::default(), Model::new());
        for step in &steps {
            apply(&mut log, &mut model, step);
            prop_assert_eq!(log.len(), model.len() as u64);
            prop_assert_eq!(log.first_id(), model.first().map_or(StreamId::MIN, |(id, _)| *id));
            prop_assert_eq!(log.heap_bytes(), log.heap_bytes_counted());
            prop_assert!(log.nodes.iter().all(|node| node.live() > 0));
            prop_assert_eq!(log.nodes_len(), log.index.len());
        }
        prop_assert_eq!(contents(log.range(StreamId::MIN, StreamId::MAX)), model);
    }

    #[test]
    fn a_group_is_a_list_of_pending_entries(steps in vec(group_step(), 1..80)) {
        let (mut log, mut group, mut model) = (Log::default(), Group::default(), GroupModel::default());
        for (now_ms, step) in steps.iter().enumerate() {
            apply_to_group(&mut log, &mut group, &mut model, now_ms as u64, step);
        }
        let names: Vec<Vec<u8>> = group.consumers().map(|consumer| consumer.name().to_vec()).collect();
        names.iter().for_each(|name| {
            group.remove_consumer(name);
        });
        prop_assert_eq!(group.heap_bytes(), 0);
    }

    #[test]
    fn texts_come_back(values in vec(prop_oneof![
        any::<i64>().prop_map(|value| value.to_string().into_bytes()),
        vec(any::<u8>(), 0..300),
        "-?0?[0-9]{1,22}".prop_map(String::into_bytes),
    ], 2..8)) {
        let fields: Vec<&[u8]> = values.iter().flat_map(|value| [value.as_slice(), value.as_slice()]).collect();
        let words = Words { len: fields.len(), word: &|place| fields[place] };
        let mut log = Log::default();
        for seq in 1..4 {
            log.append(id(u64::MAX / 4 * seq, seq), words, NodeLimits::default()).expect("ascending");
        }
        for entry in log.range(StreamId::MIN, StreamId::MAX) {
            prop_assert_eq!(texts(&entry), fields.clone());
        }
    }

    #[test]
    fn ids_read_back(ms: u64, seq: u64) {
        let mut text = Vec::new();
        id(ms, seq).write(&mut text);
        prop_assert_eq!(StreamId::parse(&text, 9), Ok(id(ms, seq)));
        prop_assert_eq!(id(ms, seq).next().and_then(StreamId::previous), Some(id(ms, seq)));
    }
}

#[derive(Clone, Debug)]
enum ReferenceStep {
    Append,
    Read { group: u8, count: usize },
    Acknowledge { group: u8, entry: u64 },
    Delete { entry: u64, only_acknowledged: bool },
    Trim { len: u64, approximate: bool, only_acknowledged: bool },
}

fn reference_step() -> impl Strategy<Value = ReferenceStep> {
    let (group, entry, flag) = (0..2u8, 0..20u64, any::<bool>());
    prop_oneof![
        5 => Just(ReferenceStep::Append),
        3 => (group.clone(), 1..4usize).prop_map(|(group, count)| ReferenceStep::Read { group, count }),
        3 => (group, entry.clone()).prop_map(|(group, entry)| ReferenceStep::Acknowledge { group, entry }),
        2 => (entry, flag)
            .prop_map(|(entry, only_acknowledged)| ReferenceStep::Delete { entry, only_acknowledged }),
        2 => (0..8u64, flag, flag).prop_map(|(len, approximate, only_acknowledged)| ReferenceStep::Trim {
            len,
            approximate,
            only_acknowledged,
        }),
    ]
}

fn references(only_acknowledged: bool) -> References {
    if only_acknowledged { References::Acknowledged } else { References::Delete }
}

/// Entries that a group has still to read or to acknowledge.
fn referenced(stream: &Stream) -> Vec<StreamId> {
    let all = stream.log().range(StreamId::MIN, StreamId::MAX).map(|entry| entry.id);
    let is_referenced =
        |id: &StreamId| stream.groups().any(|(_, group)| *id > group.last_id() || group.pending(*id).is_some());
    all.filter(is_referenced).collect()
}

fn apply_to_stream(stream: &mut Stream, step: &ReferenceStep) {
    let kept = referenced(stream);
    let exists = |stream: &Stream, id: StreamId| stream.log().get(id).is_some();
    match step {
        ReferenceStep::Append => {
            let next = id(stream.log().last_id().ms + 1, 0);
            stream.log_mut().append(next, pair(), LIMITS).expect("ascending");
        }
        ReferenceStep::Read { group, count } => {
            stream.with_group(&[*group], |log, group| {
                let (consumer, _) = group.see_consumer(b"consumer", 1);
                group.read_new(log, consumer, *count, Acknowledgement::Needed, 1, &mut drop);
            });
        }
        ReferenceStep::Acknowledge { group, entry } => {
            stream.with_group(&[*group], |_, group| group.acknowledge(id(*entry, 0)));
        }
        ReferenceStep::Delete { entry, only_acknowledged } => {
            let entry = id(*entry, 0);
            let expected = match (exists(stream, entry), kept.contains(&entry)) {
                (false, _) => Deletion::Missing,
                (true, true) if *only_acknowledged => Deletion::Referenced,
                (true, _) => Deletion::Deleted,
            };
            assert_eq!(stream.delete(entry, references(*only_acknowledged)), expected);
            assert_eq!(exists(stream, entry), expected == Deletion::Referenced);
        }
        ReferenceStep::Trim { len, approximate, only_acknowledged } => {
            let before = stream.log().len();
            let trim = Trim { to: TrimTo::MaxLen(*len), approximate: *approximate, limit: 0 };
            let removed = stream.trim(&trim, references(*only_acknowledged));
            assert_eq!(stream.log().len(), before - removed);
            if *only_acknowledged {
                assert_eq!(stream.log().len(), before.min((*len).max(kept.len() as u64)));
                assert!(kept.iter().all(|id| exists(stream, *id)));
            } else if !*approximate {
                assert_eq!(stream.log().len(), before.min(*len));
            }
        }
    }
    // Nothing is pending that is not there, for no step leaves references behind.
    for (_, group) in stream.groups() {
        assert!(group.pending_range(StreamId::MIN, StreamId::MAX).all(|(id, _)| exists(stream, id)));
    }
    let groups: usize = stream.groups().map(|(name, group)| group_bytes(name, group)).sum();
    assert_eq!(stream.heap_bytes(), stream.log().heap_bytes() + groups);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn deletions_heed_references(steps in vec(reference_step(), 1..60)) {
        let mut stream = Stream::new();
        stream.create_group(&[0], Group::default());
        stream.create_group(&[1], Group::default());
        steps.iter().for_each(|step| apply_to_stream(&mut stream, step));
    }
}

#[test]
fn radix_nodes_are_counted_as_redis_counts_them() {
    let mut log = Log::default();
    let one = NodeLimits { entries_max: 1, bytes_max: 0 };
    let mut counts = vec![log.radix_nodes_len()];
    for (ms, seq) in [(1, 1), (1, 2), (1, 300), (2, 0), (65_536, 0), (65_536, 1), (65_537, 1), (1 << 56, 9)] {
        log.append(id(ms, seq), pair(), one).expect("ascending");
        counts.push(log.radix_nodes_len());
    }
    // As XINFO STREAM of Redis 7.0.15 tells them.
    assert_eq!(counts, [1, 2, 4, 7, 11, 15, 17, 21, 24]);
}

#[test]
fn id_texts() {
    let max = u64::MAX;
    assert_eq!(StreamId::parse(b"5", 7), Ok(id(5, 7)));
    assert_eq!(StreamId::parse(b"5-3", 7), Ok(id(5, 3)));
    for text in ["", "-", "+", "5-", "-5", "5-3-1", "a", "5-*", "*", "5-x", "18446744073709551616", "(5"] {
        assert_eq!(StreamId::parse(text.as_bytes(), 0), Err(InvalidId), "{text:?}");
    }
    assert_eq!(StreamId::parse(&[b'0'; 128], 0), Err(InvalidId));
    assert_eq!(StreamId::parse_start(b"-"), Ok(Some(StreamId::MIN)));
    assert_eq!(StreamId::parse_end(b"+"), Ok(Some(StreamId::MAX)));
    assert_eq!(StreamId::parse_start(b"(5"), Ok(Some(id(5, 1))));
    assert_eq!(StreamId::parse_end(b"(5"), Ok(Some(id(5, max - 1))));
    assert_eq!(StreamId::parse_end(b"(5-0"), Ok(Some(id(4, max))));
    assert_eq!(StreamId::parse_end(b"(0-0"), Ok(None));
    assert_eq!(StreamId::parse_start(b"(18446744073709551615-18446744073709551615"), Ok(None));
    assert_eq!(StreamId::parse_start(b"(-"), Err(InvalidId));
    assert_eq!(StreamId::parse_start(b"("), Err(InvalidId));
    assert_eq!(NewId::parse(b"*"), Ok(NewId::Auto));
    assert_eq!(NewId::parse(b"7-*"), Ok(NewId::AutoSequence { ms: 7 }));
    assert_eq!(NewId::parse(b"7"), Ok(NewId::Exact(id(7, 0))));
    assert_eq!(NewId::Auto.after(id(5, 3), 6), Some(id(6, 0)));
    assert_eq!(NewId::Auto.after(id(5, 3), 5), Some(id(5, 4)));
    assert_eq!(NewId::Auto.after(StreamId::MAX, 5), None);
    assert_eq!(NewId::AutoSequence { ms: 5 }.after(id(5, 3), 0), Some(id(5, 4)));
    assert_eq!(NewId::AutoSequence { ms: 6 }.after(id(5, 3), 0), Some(id(6, 0)));
    assert_eq!(NewId::AutoSequence { ms: 5 }.after(id(5, max), 0), None);
}

#[test]
fn a_stream_counts_the_memory_of_its_groups() {
    let mut stream = Stream::new();
    assert!(stream.create_group(b"group", Group::new(StreamId::MIN, None)));
    assert!(!stream.create_group(b"group", Group::default()));
    stream.log_mut().append(id(1, 1), pair(), LIMITS).expect("ascending");
    let before = stream.heap_bytes();
    let read = stream.with_group(b"group", |log, group| {
        let (consumer, created) = group.see_consumer(b"consumer", 5);
        assert!(created);
        group.read_new(log, consumer, 10, Acknowledgement::Needed, 5, &mut drop)
    });
    assert_eq!(read, Some(1));
    assert!(stream.heap_bytes() > before);
    assert_eq!(stream.groups().len(), 1);
    assert!(stream.destroy_group(b"group"));
    assert!(!stream.destroy_group(b"group"));
    assert_eq!(stream.heap_bytes(), stream.log().heap_bytes());
    assert_eq!(stream.with_group(b"group", |_, _| ()), None);
}

#[test]
fn state_must_not_contradict_entries() {
    let mut log = Log::default();
    log.append(id(5, 0), pair(), LIMITS).expect("ascending");
    log.append(id(6, 0), pair(), LIMITS).expect("ascending");
    log.delete(id(6, 0));
    assert_eq!(log.set_state(id(5, 5), None, None), Err(StateError::BelowMaxDeleted));
    assert_eq!(log.set_state(id(7, 0), None, Some(id(8, 0))), Err(StateError::BelowMaxDeleted));
    assert_eq!(log.set_state(id(7, 0), Some(0), None), Err(StateError::AddedBelowLength));
    assert_eq!(log.set_state(id(9, 0), Some(7), Some(id(8, 0))), Ok(()));
    assert_eq!((log.last_id(), log.entries_added(), log.max_deleted_id()), (id(9, 0), 7, id(8, 0)));
    let mut log = Log::default();
    log.append(id(5, 0), pair(), LIMITS).expect("ascending");
    assert_eq!(log.set_state(id(4, 0), None, None), Err(StateError::BelowTopEntry));
}
