//! Where the keys of a request stand: key specs and their extraction.
//!
//! One extractor serves routing, COMMAND GETKEYS, ACL and later tracking and clustering.

use bitflags::bitflags;

use super::{Command, Flags};
use crate::resp::Arguments;

bitflags! {
    /// What a command does with a key. The first four are exclusive.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct KeyAccess: u16 {
        /// Reads only.
        const RO = 1 << 0;
        /// Reads and writes.
        const RW = 1 << 1;
        /// Overwrites without looking.
        const OW = 1 << 2;
        /// Removes without looking.
        const RM = 1 << 3;
        /// Returns, copies or uses the value.
        const ACCESS = 1 << 4;
        /// Changes the value.
        const UPDATE = 1 << 5;
        /// Adds to the value, never changes what is there.
        const INSERT = 1 << 6;
        /// Removes from the value or the key itself.
        const DELETE = 1 << 7;
        /// Names a channel, not a key.
        const NOT_KEY = 1 << 8;
        /// The spec may miss keys.
        const INCOMPLETE = 1 << 9;
        /// Options of the request change the access.
        const VARIABLE_FLAGS = 1 << 10;
    }
}

/// Where a search for keys begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// At this word; the command name is word 0.
    Index(u16),
    /// Behind this keyword, searched from a word on; negative: backwards from the end.
    Keyword(&'static str, i16),
    /// Known to code only.
    Unknown,
    /// As far as clients are told, known to code only. We find the key behind the last such word; without a word, the
    /// keys are made of patterns, and the command's scope sees to them.
    Hidden(Option<&'static str>),
}

/// Which words from the beginning on are keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Find {
    /// Up to `last` (relative; negative: from the end), each `step` words; `limit` 2 means the first half only.
    Range {
        /// Relative position of the last key, or negative from the end of the request.
        last: i16,
        /// Words from one key to the next.
        step: u16,
        /// 0 or 1: no limit; n: only the n-th part of what remains.
        limit: u16,
    },
    /// A count stands at `index`, keys from `first` on, each `step` words, all relative.
    Count {
        /// Where the count stands.
        index: u16,
        /// Where the first key stands.
        first: u16,
        /// Words from one key to the next.
        step: u16,
    },
    /// Known to code only.
    Unknown,
}

/// Where some of a command's keys stand and what it does with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeySpec {
    /// What the command does with these keys.
    pub access: KeyAccess,
    /// Where the search begins.
    pub begin: Begin,
    /// Which words are keys.
    pub find: Find,
}

impl KeySpec {
    /// One key at word `index`.
    pub const fn one(access: KeyAccess, index: u16) -> Self {
        Self::range(access, index, 0, 1)
    }

    /// Keys from word `index` up to `last` (relative; −1: to the end), each `step` words.
    pub const fn range(access: KeyAccess, index: u16, last: i16, step: u16) -> Self {
        Self { access, begin: Begin::Index(index), find: Find::Range { last, step, limit: 0 } }
    }

    /// A count at word `index`, keys right behind it, each `step` words.
    pub const fn counted(access: KeyAccess, index: u16, step: u16) -> Self {
        Self { access, begin: Begin::Index(index), find: Find::Count { index: 0, first: 1, step } }
    }

    /// The word positions of the keys in a request; `None` when a count in it is not a fitting number.
    #[cfg_attr(hot_paths, optimize(speed))]
    fn positions(&self, args: Arguments<'_>) -> Option<std::iter::StepBy<std::ops::Range<usize>>> {
        let words = args.len();
        let start = match self.begin {
            Begin::Index(index) => usize::from(index),
            // A keyword that is not there has no keys behind it.
            Begin::Keyword(keyword, from) => find_keyword(args, keyword, from).map_or(words, |place| place + 1),
            Begin::Unknown => return None,
            Begin::Hidden(option) => {
                let place = option.and_then(|option| find_keyword(args, option, -2));
                return Some(place.map_or(0..0, |place| place + 1..place + 2).step_by(1));
            }
        };
        if start >= words {
            return Some((0..0).step_by(1));
        }
        match self.find {
            Find::Range { last, step, limit } => {
                let end = match usize::try_from(last) {
                    Ok(last) => start + last,
                    Err(_) if limit > 1 => start + (words - start) / usize::from(limit) - 1,
                    Err(_) => words - usize::from(last.unsigned_abs()),
                };
                Some((start..(end + 1).min(words)).step_by(usize::from(step)))
            }
            Find::Count { index, first, step } => {
                let count = crate::number::parse_i64(args.try_get(start + usize::from(index))?)?;
                let count = usize::try_from(count).ok()?;
                let first = start + usize::from(first);
                let span = count.checked_mul(usize::from(step))?;
                (first.checked_add(span)? <= words).then(|| (first..first + span).step_by(usize::from(step)))
            }
            Find::Unknown => None,
        }
    }
}

#[inline(never)]
fn find_keyword(args: Arguments<'_>, keyword: &str, from: i16) -> Option<usize> {
    let matches = |&i: &usize| args.get(i).eq_ignore_ascii_case(keyword.as_bytes());
    match usize::try_from(from) {
        Ok(from) => (from..args.len()).find(matches),
        Err(_) => (1..=args.len().checked_sub(usize::from(from.unsigned_abs()))?).rev().find(matches),
    }
}

/// Visits every key of a request with its word position and access. Answers false when the request's own counts do
/// not fit it, which its handler will refuse.
#[cfg_attr(hot_paths, optimize(speed))]
pub fn for_each_key(command: &Command, args: Arguments<'_>, mut visit: impl FnMut(usize, KeyAccess)) -> bool {
    let mut complete = true;
    for spec in command.keys {
        if spec.access.contains(KeyAccess::NOT_KEY) {
            continue;
        }
        match spec.positions(args) {
            Some(positions) => positions.for_each(|position| visit(position, spec.access)),
            None => complete = false,
        }
    }
    complete
}

/// The legacy triple of COMMAND INFO: first key, last key, step; zeros where only the specs can tell.
pub fn legacy_range(command: &Command) -> (i64, i64, i64) {
    let ranges = command.keys.iter().filter_map(|spec| match (spec.begin, spec.find) {
        (Begin::Index(index), Find::Range { last, step, limit: 0 }) => {
            let first = i64::from(index);
            let last = i64::from(last);
            Some((first, if last < 0 { last } else { first + last }, i64::from(step)))
        }
        _ => None,
    });
    ranges
        .reduce(|(first, last, step), (next_first, next_last, next_step)| {
            // Two specs in a row read as one range: COPY source destination, BITOP destination key…
            let last = if next_last < 0 { next_last } else { last.max(next_last) };
            (first.min(next_first), last, step.max(next_step))
        })
        .unwrap_or((0, 0, 0))
}

/// Whether clients must not rely on the legacy triple.
pub fn is_movable(command: &Command) -> bool {
    command.flags.contains(Flags::MOVABLEKEYS)
        || command.keys.iter().any(|spec| {
            !matches!((spec.begin, spec.find), (Begin::Index(_), Find::Range { limit: 0, .. }))
                || spec.access.contains(KeyAccess::INCOMPLETE)
        })
}
