//! Members chosen at random.

use std::collections::BTreeSet;

use crate::context::Context;
use crate::error::CommandError;
use crate::limits::DRAWN_REPLY_BYTES;
use crate::number::{parse_i64, to_count};
use crate::resp::RequestBuf;
use crate::store::record::write_request;
use crate::structure::listpack::Item;
use crate::value::{Choice, Set, scale};

/// Draws below this part of a hash table are made one by one; for more of them the table is walked once.
const DRAWN_PART: usize = 3;

/// Reply bytes of the shortest member.
const ELEMENT_BYTES: usize = b"$0\r\n\r\n".len();

pub(super) fn spop(cx: &mut Context) -> Result<(), CommandError> {
    match cx.args.len() {
        2 => pop_one(cx),
        3 => pop_count(cx),
        _ => Err(CommandError::SYNTAX),
    }
}

fn pop_one(cx: &mut Context) -> Result<(), CommandError> {
    let (random, hasher) = (cx.random.next_u64(), cx.env.layout.hasher());
    let slot = cx.keys.write(cx.arg(1));
    let (reply, mut removal) = (&mut cx.reply, Removal::of(cx.env.journal.is_some(), cx.args.get(1)));
    let popped = cx.keys.edit(slot, |set: &mut Set| {
        set.pop(random, hasher, |item| {
            reply.element(item);
            removal.add(item);
        });
        ((), true)
    })?;
    match popped {
        Some(()) => cx.effects.rewritten = removal.requests(),
        None => cx.reply.null(),
    }
    Ok(())
}

/// What the journal hears instead of a random choice: the members by name.
struct Removal(Option<RequestBuf>);

impl Removal {
    fn of(is_journaled: bool, key: &[u8]) -> Self {
        Self(is_journaled.then(|| [b"SREM", key].into_iter().collect()))
    }

    fn add(&mut self, member: Item<'_>) {
        if let Some(request) = &mut self.0 {
            request.push(&member.to_vec());
        }
    }

    fn requests(self) -> Option<Vec<u8>> {
        self.0.map(|request| {
            let mut requests = Vec::new();
            write_request(&mut requests, request.arguments());
            requests
        })
    }
}

fn pop_count(cx: &mut Context) -> Result<(), CommandError> {
    let count = parse_i64(cx.arg(2))
        .and_then(to_count)
        .ok_or(CommandError::fixed("ERR value is out of range, must be positive"))?;
    let (limits, hasher) = (cx.env.settings.set_limits(), cx.env.layout.hasher());
    let slot = cx.keys.write(cx.arg(1));
    let len = cx.keys.get(slot)?.map_or(0, Set::len);
    cx.reply.set(len.min(count));
    if len == 0 || count == 0 {
        return Ok(());
    }
    if count >= len {
        let set = cx.keys.get::<Set>(slot)?;
        set.into_iter().flat_map(Set::iter).for_each(|item| cx.reply.element(item));
        cx.keys.discard(slot);
        return Ok(());
    }
    let mut removal = Removal::of(cx.env.journal.is_some(), cx.args.get(1));
    let (reply, random) = (&mut cx.reply, &mut cx.random);
    cx.keys.edit(slot, |set: &mut Set| {
        set.pop_many(count, random, limits, hasher, |item| {
            reply.element(item);
            removal.add(item);
        });
        ((), true)
    })?;
    cx.effects.rewritten = removal.requests();
    Ok(())
}

pub(super) fn srandmember(cx: &mut Context) -> Result<(), CommandError> {
    match cx.args.len() {
        2 => draw_one(cx),
        3 => draw_count(cx),
        _ => Err(CommandError::SYNTAX),
    }
}

fn draw_one(cx: &mut Context) -> Result<(), CommandError> {
    let random = cx.random.next_u64();
    let slot = cx.keys.read(cx.arg(1));
    match cx.keys.get::<Set>(slot)?.and_then(|set| set.random(random)) {
        Some(item) => cx.reply.element(item),
        None => cx.reply.null(),
    }
    Ok(())
}

fn draw_count(cx: &mut Context) -> Result<(), CommandError> {
    let count = cx.integer(2)?;
    if count == i64::MIN {
        return Err(CommandError::fixed(
            "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
        ));
    }
    let slot = cx.keys.read(cx.arg(1));
    let set = match cx.keys.get::<Set>(slot)? {
        Some(set) if count != 0 => set,
        _ => {
            cx.reply.array(0);
            return Ok(());
        }
    };
    let reply = &mut cx.reply;
    let draws = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if count < 0 {
        let start = reply.position();
        if draws > DRAWN_REPLY_BYTES / ELEMENT_BYTES {
            return Err(CommandError::fixed("ERR value is out of range"));
        }
        reply.array(draws);
        // An item of a listpack is found by walking to it.
        let packed: Vec<Item<'_>> = if let Set::Packed(pack) = set { pack.iter().collect() } else { Vec::new() };
        for _ in 0..draws {
            let random = cx.random.next_u64();
            let drawn = match packed.get(scale(random, packed.len())) {
                Some(item) => Some(*item),
                None => set.random(random),
            };
            reply.element(drawn.expect("a stored set has members"));
            if reply.position() - start > DRAWN_REPLY_BYTES {
                return Err(CommandError::fixed("ERR value is out of range"));
            }
        }
        return Ok(());
    }
    let draws = draws.min(set.len());
    reply.array(draws);
    match set {
        Set::Table(members) if draws < set.len() / DRAWN_PART => {
            let mut drawn = BTreeSet::new();
            while drawn.len() < draws {
                let entry = members.table().random(cx.random.next_u64()).expect("a stored set has members");
                if drawn.insert(entry.address()) {
                    reply.bulk(entry.key());
                }
            }
        }
        _ => {
            let mut choice = Choice::new(draws, set.len());
            set.iter().filter(|_| choice.takes(&mut cx.random)).for_each(|item| reply.element(item));
        }
    }
    Ok(())
}
