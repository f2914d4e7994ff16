//! Lists.

mod edit;
mod ends;
mod pop_any;
mod read;
mod transfer;

use crate::command::{Command, Flags, Group, KeyAccess, KeySpec, rows};
use crate::context::Context;
use crate::error::CommandError;
use crate::number;
use crate::structure::chunked_list::End;

const GROWING_WRITE: Flags = Flags::WRITE.union(Flags::DENYOOM);
const FAST_GROWING_WRITE: Flags = GROWING_WRITE.union(Flags::FAST);
const FAST_WRITE: Flags = Flags::WRITE.union(Flags::FAST);
const BLOCKING_WRITE: Flags = Flags::WRITE.union(Flags::BLOCKING);
const BLOCKING_GROWING_WRITE: Flags = GROWING_WRITE.union(Flags::BLOCKING);

const READ: KeyAccess = KeyAccess::RO.union(KeyAccess::ACCESS);
const INSERT: KeyAccess = KeyAccess::RW.union(KeyAccess::INSERT);
const DELETE: KeyAccess = KeyAccess::RW.union(KeyAccess::DELETE);
const TAKE: KeyAccess = DELETE.union(KeyAccess::ACCESS);

const READ_KEY: &[KeySpec] = &[KeySpec::one(READ, 1)];
const INSERT_KEY: &[KeySpec] = &[KeySpec::one(INSERT, 1)];
const DELETE_KEY: &[KeySpec] = &[KeySpec::one(DELETE, 1)];
const TAKE_KEY: &[KeySpec] = &[KeySpec::one(TAKE, 1)];
const TRANSFER_KEYS: &[KeySpec] = &[KeySpec::one(TAKE, 1), KeySpec::one(INSERT, 2)];
/// All words up to the timeout.
const TAKE_KEYS: &[KeySpec] = &[KeySpec::range(TAKE, 1, -2, 1)];

/// Rows of this family.
pub static COMMANDS: &[Command] = &rows([
    Command {
        name: "blmove",
        group: Group::List,
        arity: 6,
        flags: BLOCKING_GROWING_WRITE,
        keys: TRANSFER_KEYS,
        since: "6.2.0",
        summary: "Moves an element from an end of one list to an end of another, and waits for one if there is none.",
        syntax: "source destination <LEFT|RIGHT> <LEFT|RIGHT> timeout",
        handler: transfer::blmove,
        ..Command::ROW
    },
    Command {
        name: "blmpop",
        group: Group::List,
        arity: -5,
        flags: BLOCKING_WRITE,
        keys: &[KeySpec::counted(TAKE, 2, 1)],
        since: "7.0.0",
        summary: "Takes elements from an end of the first list that has some, and waits for one if none has.",
        complexity: "O(1) for each key and each element taken",
        syntax: "timeout numkeys key [key ...] <LEFT|RIGHT> [COUNT count]",
        handler: pop_any::blmpop,
        ..Command::ROW
    },
    Command {
        name: "blpop",
        group: Group::List,
        arity: -3,
        flags: BLOCKING_WRITE,
        keys: TAKE_KEYS,
        since: "2.0.0",
        summary: "Takes the first element of the first list that has some, and waits for one if none has.",
        complexity: "O(1) for each key",
        syntax: "key [key ...] timeout",
        handler: |cx| pop_any::blocking_pop(cx, End::Front),
        ..Command::ROW
    },
    Command {
        name: "brpop",
        group: Group::List,
        arity: -3,
        flags: BLOCKING_WRITE,
        keys: TAKE_KEYS,
        since: "2.0.0",
        summary: "Takes the last element of the first list that has some, and waits for one if none has.",
        complexity: "O(1) for each key",
        syntax: "key [key ...] timeout",
        handler: |cx| pop_any::blocking_pop(cx, End::Back),
        ..Command::ROW
    },
    Command {
        name: "brpoplpush",
        group: Group::List,
        arity: 4,
        flags: BLOCKING_GROWING_WRITE,
        keys: TRANSFER_KEYS,
        since: "2.2.0",
        summary: "Moves the last element of one list to the front of another, and waits for one if there is none.",
        syntax: "source destination timeout",
        deprecated: Some(("6.2.0", "`BLMOVE` with the `RIGHT` and `LEFT` arguments")),
        handler: transfer::brpoplpush,
        ..Command::ROW
    },
    Command {
        name: "lindex",
        group: Group::List,
        arity: 3,
        flags: Flags::READONLY,
        keys: READ_KEY,
        since: "1.0.0",
        summary: "Returns the element at an index, which counts from the end if negative.",
        complexity: "O(N) for N elements passed over; O(1) at the ends",
        syntax: "key index",
        handler: read::lindex,
        ..Command::ROW
    },
    Command {
        name: "linsert",
        group: Group::List,
        arity: 5,
        flags: GROWING_WRITE,
        keys: INSERT_KEY,
        since: "2.2.0",
        summary: "Adds an element before or after the first one with a given text.",
        complexity: "O(N) for N elements up to that one",
        syntax: "key <BEFORE|AFTER> pivot element",
        handler: edit::linsert,
        ..Command::ROW
    },
    Command {
        name: "llen",
        group: Group::List,
        arity: 2,
        flags: Flags::READONLY.union(Flags::FAST),
        keys: &[KeySpec::one(KeyAccess::RO, 1)],
        since: "1.0.0",
        summary: "Counts the elements.",
        syntax: "key",
        handler: read::llen,
        ..Command::ROW
    },
    Command {
        name: "lmove",
        group: Group::List,
        arity: 5,
        flags: GROWING_WRITE,
        keys: TRANSFER_KEYS,
        since: "6.2.0",
        summary: "Moves an element from an end of one list to an end of another.",
        syntax: "source destination <LEFT|RIGHT> <LEFT|RIGHT>",
        handler: transfer::lmove,
        ..Command::ROW
    },
    Command {
        name: "lmpop",
        group: Group::List,
        arity: -4,
        flags: Flags::WRITE,
        keys: &[KeySpec::counted(TAKE, 1, 1)],
        since: "7.0.0",
        summary: "Takes elements from an end of the first list that has some.",
        complexity: "O(1) for each key and each element taken",
        syntax: "numkeys key [key ...] <LEFT|RIGHT> [COUNT count]",
        handler: pop_any::lmpop,
        ..Command::ROW
    },
    Command {
        name: "lpop",
        group: Group::List,
        arity: -2,
        flags: FAST_WRITE,
        keys: TAKE_KEY,
        since: "1.0.0",
        summary: "Takes the first element, or some from the front.",
        complexity: "O(1) for each element",
        syntax: "key [count]",
        handler: |cx| ends::pop(cx, End::Front),
        ..Command::ROW
    },
    Command {
        name: "lpos",
        group: Group::List,
        arity: -3,
        flags: Flags::READONLY,
        keys: READ_KEY,
        since: "6.0.6",
        summary: "Finds the places of elements with a given text.",
        complexity: "O(N) for N elements looked at",
        syntax: "key element [RANK rank] [COUNT num-matches] [MAXLEN len]",
        handler: read::lpos,
        ..Command::ROW
    },
    Command {
        name: "lpush",
        group: Group::List,
        arity: -3,
        flags: FAST_GROWING_WRITE,
        keys: INSERT_KEY,
        since: "1.0.0",
        summary: "Adds elements at the front, one after the other, to a list that starts empty.",
        complexity: "O(1) for each element",
        syntax: "key element [element ...]",
        handler: |cx| ends::push(cx, End::Front),
        ..Command::ROW
    },
    Command {
        name: "lpushx",
        group: Group::List,
        arity: -3,
        flags: FAST_GROWING_WRITE,
        keys: INSERT_KEY,
        since: "2.2.0",
        summary: "Adds elements at the front of a list that exists.",
        complexity: "O(1) for each element",
        syntax: "key element [element ...]",
        handler: |cx| ends::push_if_exists(cx, End::Front),
        ..Command::ROW
    },
    Command {
        name: "lrange",
        group: Group::List,
        arity: 4,
        flags: Flags::READONLY,
        keys: READ_KEY,
        since: "1.0.0",
        summary: "Returns the elements between two indexes, both included.",
        complexity: "O(S+N) for S elements from the nearer end to the first and N returned",
        syntax: "key start stop",
        handler: read::lrange,
        ..Command::ROW
    },
    Command {
        name: "lrem",
        group: Group::List,
        arity: 4,
        flags: Flags::WRITE,
        keys: DELETE_KEY,
        since: "1.0.0",
        summary: "Removes elements with a given text: some from the front, some from the back or all.",
        complexity: "O(N) for N elements looked at",
        syntax: "key count element",
        handler: edit::lrem,
        ..Command::ROW
    },
    Command {
        name: "lset",
        group: Group::List,
        arity: 4,
        flags: GROWING_WRITE,
        keys: &[KeySpec::one(KeyAccess::RW.union(KeyAccess::UPDATE), 1)],
        since: "1.0.0",
        summary: "Puts another element at an index.",
        complexity: "O(N) for N elements passed over; O(1) at the ends",
        syntax: "key index element",
        handler: edit::lset,
        ..Command::ROW
    },
    Command {
        name: "ltrim",
        group: Group::List,
        arity: 4,
        flags: Flags::WRITE,
        keys: DELETE_KEY,
        since: "1.0.0",
        summary: "Keeps only the elements between two indexes, both included.",
        complexity: "O(N) for N elements removed",
        syntax: "key start stop",
        handler: edit::ltrim,
        ..Command::ROW
    },
    Command {
        name: "rpop",
        group: Group::List,
        arity: -2,
        flags: FAST_WRITE,
        keys: TAKE_KEY,
        since: "1.0.0",
        summary: "Takes the last element, or some from the back.",
        complexity: "O(1) for each element",
        syntax: "key [count]",
        handler: |cx| ends::pop(cx, End::Back),
        ..Command::ROW
    },
    Command {
        name: "rpoplpush",
        group: Group::List,
        arity: 3,
        flags: GROWING_WRITE,
        keys: TRANSFER_KEYS,
        since: "1.2.0",
        summary: "Moves the last element of one list to the front of another.",
        syntax: "source destination",
        deprecated: Some(("6.2.0", "`LMOVE` with the `RIGHT` and `LEFT` arguments")),
        handler: transfer::rpoplpush,
        ..Command::ROW
    },
    Command {
        name: "rpush",
        group: Group::List,
        arity: -3,
        flags: FAST_GROWING_WRITE,
        keys: INSERT_KEY,
        since: "1.0.0",
        summary: "Adds elements at the back of a list that starts empty.",
        complexity: "O(1) for each element",
        syntax: "key element [element ...]",
        handler: |cx| ends::push(cx, End::Back),
        ..Command::ROW
    },
    Command {
        name: "rpushx",
        group: Group::List,
        arity: -3,
        flags: FAST_GROWING_WRITE,
        keys: INSERT_KEY,
        since: "2.2.0",
        summary: "Adds elements at the back of a list that exists.",
        complexity: "O(1) for each element",
        syntax: "key element [element ...]",
        handler: |cx| ends::push_if_exists(cx, End::Back),
        ..Command::ROW
    },
]);

/// A word that names an end of a list.
fn end_named(cx: &Context, index: usize) -> Result<End, CommandError> {
    match cx.args.try_get(index) {
        Some(word) if word.eq_ignore_ascii_case(b"LEFT") => Ok(End::Front),
        Some(word) if word.eq_ignore_ascii_case(b"RIGHT") => Ok(End::Back),
        _ => Err(CommandError::SYNTAX),
    }
}

/// A word as a count from `least` on, or the error `otherwise`.
fn count_from(cx: &Context, index: usize, least: usize, otherwise: &'static str) -> Result<usize, CommandError> {
    let count = cx.integer(index).ok().and_then(number::to_count);
    count.filter(|&count| count >= least).ok_or(CommandError::fixed(otherwise))
}

/// The place in a list of `len` elements that an index names, which counts from the end if negative.
fn place_of(index: i64, len: usize) -> Option<usize> {
    let place = match usize::try_from(index) {
        Ok(place) => place,
        Err(_) => len.checked_sub(usize::try_from(index.unsigned_abs()).ok()?)?,
    };
    (place < len).then_some(place)
}

/// The elements between two indexes, both included, that count from the end if negative: the first, and how many.
fn span_of(start: i64, stop: i64, len: usize) -> (usize, usize) {
    let len = len as i64;
    let from_start = |index: i64| if index < 0 { index + len } else { index };
    let (first, last) = (from_start(start).max(0), from_start(stop).min(len - 1));
    // Both are places in the list now, if there is any between them.
    if first <= last { (first as usize, (last - first + 1) as usize) } else { (0, 0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn spans_agree_with_one_index_at_a_time(start in -12i64..12, stop in -12i64..12, len in 0usize..9) {
            let place = |index: i64| if index < 0 { index + len as i64 } else { index };
            let wanted = |index: &i64| (place(start).max(0)..=place(stop)).contains(index);
            let expected: Vec<usize> = (0..len as i64).filter(wanted).map(|index| index as usize).collect();
            let (first, count) = span_of(start, stop, len);
            prop_assert_eq!((first..first + count).collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn extreme_indexes() {
        assert_eq!(span_of(i64::MIN, i64::MAX, 3), (0, 3));
        assert_eq!(span_of(i64::MIN, i64::MIN, 3), (0, 0));
        assert_eq!(span_of(i64::MAX, i64::MAX, 3), (0, 0));
        assert_eq!(span_of(0, -1, 0), (0, 0));
        assert_eq!(place_of(i64::MIN, 3), None);
        assert_eq!(place_of(i64::MAX, 3), None);
        assert_eq!((place_of(-3, 3), place_of(-4, 3), place_of(2, 3), place_of(3, 3)), (Some(0), None, Some(2), None));
    }
}
