//! Replies about streams without what depends on the clock, on the layout in memory or on the version.

use crate::resp::Reply;

/// Fields whose values are times or tell of the layout in memory.
const UNSTABLE: &[&str] = &["idle", "seen-time", "radix-tree-keys", "radix-tree-nodes"];
/// Fields that Redis 7.2 has and 7.0 has not.
const NEWER: &[&str] = &["inactive", "active-time"];

/// Fields of a consumer that count its messages, under one name or the other.
const COUNTS: &[&str] = &["pending", "pel-count"];
/// The consumers of a group, as a list or a number.
const CONSUMERS: &[&str] = &["consumers"];
/// Where the fields of a consumer or a group begin.
const NAME: &[&str] = &["name"];

/// The reply with times made 0, and without newer fields and idle consumers: Redis 7.2 makes a consumer when it asks,
/// 7.0 when it gets a message.
pub fn timeless(reply: &Reply) -> Reply {
    match reply {
        Reply::Array(elements) => Reply::Array(elements_of(elements)),
        Reply::Map(elements) => Reply::Map(fields(elements)),
        other => other.clone(),
    }
}

fn elements_of(elements: &[Reply]) -> Vec<Reply> {
    use Reply::{Bulk, Integer};
    match elements {
        // A message that waits for its acknowledgement: its time is how long it has been idle, or when it was sent.
        [Bulk(id), Bulk(consumer), Integer(_), Integer(count)] => {
            vec![Bulk(id.clone()), Bulk(consumer.clone()), Integer(0), Integer(*count)]
        }
        [Bulk(id), Integer(_), Integer(count)] => vec![Bulk(id.clone()), Integer(0), Integer(*count)],
        _ if is_fields(elements) => fields(elements),
        _ => elements.iter().filter(|element| !is_idle_consumer(element)).map(timeless).collect(),
    }
}

/// RESP2 writes a map as an array.
fn is_fields(elements: &[Reply]) -> bool {
    let is_known = |name: &Reply| [UNSTABLE, NEWER, NAME, CONSUMERS].iter().any(|names| is_one_of(name, names));
    elements.len().is_multiple_of(2) && elements.iter().step_by(2).any(is_known)
}

fn is_idle_consumer(element: &Reply) -> bool {
    let (Reply::Array(fields) | Reply::Map(fields)) = element else { return false };
    let is_consumer = fields.iter().step_by(2).any(|name| is_one_of(name, &["idle", "seen-time"]));
    let mut pairs = fields.chunks_exact(2);
    is_consumer && pairs.any(|pair| is_one_of(&pair[0], COUNTS) && pair[1] == Reply::Integer(0))
}

fn fields(elements: &[Reply]) -> Vec<Reply> {
    let mut kept = Vec::with_capacity(elements.len());
    for pair in elements.chunks_exact(2).filter(|pair| !is_one_of(&pair[0], NEWER)) {
        let is_count = is_one_of(&pair[0], CONSUMERS) && matches!(pair[1], Reply::Integer(_));
        let value = if is_count || is_one_of(&pair[0], UNSTABLE) { Reply::Integer(0) } else { timeless(&pair[1]) };
        kept.extend([pair[0].clone(), value]);
    }
    kept
}

fn is_one_of(name: &Reply, names: &[&str]) -> bool {
    matches!(name, Reply::Bulk(text) if names.iter().any(|it| it.as_bytes() == text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Reply {
        Reply::Bulk(text.into())
    }

    #[test]
    fn times_and_newer_fields_do_not_count() {
        let pending = |idle, count| {
            Reply::Array(vec![Reply::Array(vec![bulk("1-1"), bulk("c"), Reply::Integer(idle), Reply::Integer(count)])])
        };
        assert_eq!(timeless(&pending(5, 1)), timeless(&pending(7, 1)));
        assert_ne!(timeless(&pending(5, 1)), timeless(&pending(5, 2)));
        let old = vec![bulk("name"), bulk("c"), bulk("pending"), Reply::Integer(1), bulk("idle"), Reply::Integer(9)];
        let new = [old.clone(), vec![bulk("inactive"), Reply::Integer(-1)]].concat();
        assert_eq!(timeless(&Reply::Array(old.clone())), timeless(&Reply::Array(new.clone())));
        assert_eq!(timeless(&Reply::Map(old.clone())), timeless(&Reply::Map(new)));
        let other = [&old[..3], &[Reply::Integer(2)], &old[4..]].concat();
        assert_ne!(timeless(&Reply::Array(old.clone())), timeless(&Reply::Array(other)));
        let idle = vec![bulk("name"), bulk("d"), bulk("pending"), Reply::Integer(0), bulk("idle"), Reply::Integer(1)];
        let list = |consumers: &[&Vec<Reply>]| {
            Reply::Array(consumers.iter().map(|fields| Reply::Array(fields.to_vec())).collect())
        };
        assert_eq!(timeless(&list(&[&old, &idle])), timeless(&list(&[&old])));
        assert_ne!(timeless(&list(&[&old, &idle])), timeless(&list(&[&idle])));
    }
}
