//! XREAD, XREADGROUP.

use super::{INVALID_ID, count, edit_group, is, no_key_or_group, write_entries, write_entry, write_id};
use crate::context::Context;
use crate::error::CommandError;
use crate::keyspace::waiting::Wait;
use crate::keyspace::{Keyspace, Slot};
use crate::resp::{Aggregate, Arguments, Protocol, Reply, RequestBuf};
use crate::structure::stream::{Acknowledgement, Delivery, Entries, Log, Stream, StreamId};

/// The words of a request, read.
struct Request<'c> {
    /// BLOCK: when to give up, if ever.
    block: Option<Option<u64>>,
    count: usize,
    /// GROUP: its name and the consumer's.
    group: Option<(&'c [u8], &'c [u8])>,
    acknowledgement: Acknowledgement,
    /// The keys, and what follows them.
    keys: Arguments<'c>,
    /// As many as there are keys.
    ids: Arguments<'c>,
    wants_group: bool,
}

/// Where to read from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum From {
    /// The entries after this one.
    After(StreamId),
    /// `+`: the last entry.
    Last,
}

pub(super) fn xread(cx: &mut Context) -> Result<(), CommandError> {
    let request = Request::parse(cx, false)?;
    let start = cx.reply.position();
    let streams = cx.reply.deferred(streams_aggregate(&cx.reply));
    let mut answered = 0;
    for (key, word) in request.streams() {
        let slot = cx.keys.read(key);
        let stream = stream(cx.keys, slot, cx.is_retry)?;
        let from = From::parse(word, stream)?;
        if let Some(log) = stream.map(Stream::log).filter(|log| from.finds_any(log)) {
            answered += 1;
            begin_stream(&mut cx.reply, key);
            let count = if from == From::Last { 1 } else { request.count };
            write_entries(&mut cx.reply, from.entries(log), count);
        }
    }
    if answered > 0 {
        cx.reply.close(streams, answered);
        return Ok(());
    }
    cx.reply.truncate(start);
    if request.ids.iter().any(|word| word == b"$") {
        cx.waiting_request = Some(resolved(cx, &request)?);
    }
    wait(cx, &request)
}

pub(super) fn xreadgroup(cx: &mut Context) -> Result<(), CommandError> {
    let request = Request::parse(cx, true)?;
    let Some((name, consumer)) = request.group else {
        return Err(CommandError::fixed("ERR Missing GROUP option for XREADGROUP"));
    };
    let mut ready = 0;
    for (key, word) in request.streams() {
        let slot = cx.keys.read(key);
        let stream = super::stream(cx.keys, slot);
        if cx.is_retry && !matches!(stream, Ok(Some(_))) {
            return Err(CommandError::fixed("UNBLOCKED the stream key no longer exists"));
        }
        let stream = stream?;
        let group = stream.and_then(|stream| stream.group(name)).ok_or_else(|| match cx.is_retry {
            true => CommandError::fixed("NOGROUP the consumer group this client was blocked on no longer exists"),
            false => no_key_or_group(key, name, " in XREADGROUP with GROUP option"),
        })?;
        let history = history(word)?;
        let has_new = || stream.is_some_and(|stream| From::After(group.last_id()).finds_any(stream.log()));
        ready += usize::from(history.is_some() || has_new());
    }
    // Counted as they are written: a stream that is named twice may have nothing left the second time.
    let aggregate = streams_aggregate(&cx.reply);
    let streams = (ready > 0).then(|| cx.reply.deferred(aggregate));
    let mut answered = 0;
    let now_ms = cx.keys.now_ms();
    for (key, word) in request.streams() {
        let slot = cx.keys.write(key);
        let history = history(word)?;
        let reply = &mut cx.reply;
        edit_group(cx.keys, slot, name, &mut |log, group| {
            // Even if there is nothing to read, the consumer has been seen.
            let (consumer, is_new) = group.see_consumer(consumer, now_ms);
            if history.is_none() && !From::After(group.last_id()).finds_any(log) {
                return is_new;
            }
            answered += 1;
            begin_stream(reply, key);
            let array = reply.deferred_array();
            let count = request.count;
            let each = &mut |delivery: Delivery<'_>| write_delivery(reply, delivery);
            let read = match history {
                Some(after) => group.read_pending(log, consumer, after, count, now_ms, each),
                None => group.read_new(log, consumer, count, request.acknowledgement, now_ms, each),
            };
            reply.close(array, read);
            is_new || read > 0
        })?;
    }
    match streams {
        Some(streams) => cx.reply.close(streams, answered),
        None => return wait(cx, &request),
    }
    Ok(())
}

/// Waits if the request asks for it and may, else answers that there is nothing.
fn wait(cx: &mut Context, request: &Request) -> Result<(), CommandError> {
    let waits = request.block.is_some_and(|deadline_ms| {
        let keys = request.streams().map(|(key, _)| key.into()).collect();
        cx.wait_for(Wait { keys, deadline_ms, wants_missing: request.wants_group, ..Wait::default() })
    });
    if !waits {
        cx.reply.null_array();
    }
    Ok(())
}

/// The request with the last ID of each stream in the place of `$`: later it must not be found anew.
fn resolved(cx: &mut Context, request: &Request) -> Result<RequestBuf, CommandError> {
    let mut words: RequestBuf = cx.args.iter().take(cx.args.len() - request.ids.len()).collect();
    for (key, word) in request.streams() {
        let slot = cx.keys.locate(key);
        match (word, stream(cx.keys, slot, cx.is_retry)?) {
            (b"$", None) => words.push(b"0-0"),
            (b"$", Some(stream)) => words.push(stream.log().last_id().text(&mut [0; StreamId::TEXT_BYTES])),
            (word, _) => words.push(word),
        }
    }
    Ok(words)
}

/// The stream under a key. To a request that has waited, a value of another type is as good as none.
fn stream<'k>(keys: &'k Keyspace, slot: Slot, is_retry: bool) -> Result<Option<&'k Stream>, CommandError> {
    match keys.get::<Stream>(slot) {
        Err(_) if is_retry => Ok(None),
        found => found,
    }
}

/// The ID after which a consumer reads its pending entries again; `None` for `>`, which asks for new ones.
fn history(word: &[u8]) -> Result<Option<StreamId>, CommandError> {
    match word {
        b">" => Ok(None),
        b"$" => Err(CommandError::fixed(
            "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer \
             by specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty \
             result set.",
        )),
        // Nothing follows the largest ID, so it means `>`, as in Redis.
        word => StreamId::parse(word, 0).map(|id| Some(id).filter(|id| *id != StreamId::MAX)).map_err(|_| INVALID_ID),
    }
}

impl From {
    fn parse(word: &[u8], stream: Option<&Stream>) -> Result<From, CommandError> {
        match word {
            b"$" => Ok(From::After(stream.map_or(StreamId::MIN, |stream| stream.log().last_id()))),
            b"+" => Ok(From::Last),
            b">" => Err(CommandError::fixed(
                "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.",
            )),
            word => StreamId::parse(word, 0).map(From::After).map_err(|_| INVALID_ID),
        }
    }

    fn finds_any(self, log: &Log) -> bool {
        match self {
            From::After(id) => log.last_id() > id && self.entries(log).next().is_some(),
            From::Last => !log.is_empty(),
        }
    }

    /// The entries that are found if any are; of [`From::Last`] only the first counts.
    fn entries(self, log: &Log) -> Entries<'_> {
        match self {
            From::After(id) => log.range(id.next().unwrap_or(StreamId::MAX), StreamId::MAX),
            From::Last => log.range_back(StreamId::MIN, StreamId::MAX),
        }
    }
}

/// A map in RESP3, an array of pairs in RESP2.
fn streams_aggregate(reply: &Reply) -> Aggregate {
    match reply.protocol() {
        Protocol::Resp2 => Aggregate::Array,
        Protocol::Resp3 => Aggregate::Map,
    }
}

fn begin_stream(reply: &mut Reply, key: &[u8]) {
    if reply.protocol() == Protocol::Resp2 {
        reply.array(2);
    }
    reply.bulk(key);
}

fn write_delivery(reply: &mut Reply, delivery: Delivery) {
    match delivery.entry {
        Some(entry) => write_entry(reply, entry),
        None => {
            reply.array(2);
            write_id(reply, delivery.id);
            reply.null_array();
        }
    }
}

impl<'c> Request<'c> {
    fn parse(cx: &Context<'c, '_>, wants_group: bool) -> Result<Self, CommandError> {
        let mut request = Request {
            block: None,
            count: usize::MAX,
            group: None,
            acknowledgement: Acknowledgement::Needed,
            keys: cx.args.tail(cx.args.len()),
            ids: cx.args.tail(cx.args.len()),
            wants_group,
        };
        let mut at = 1;
        while let Some(word) = cx.args.try_get(at) {
            at += 1;
            let is = |option| is(word, option);
            let left = cx.args.len() - at;
            match () {
                () if is("BLOCK") && left >= 1 => {
                    request.block = Some(cx.timeout_milliseconds(at)?);
                    at += 1;
                }
                () if is("COUNT") && left >= 1 => {
                    // Neither 0 nor a negative count limits anything.
                    request.count = Some(count(cx, at, 0)?).filter(|count| *count > 0).unwrap_or(usize::MAX);
                    at += 1;
                }
                () if is("STREAMS") && left >= 1 => {
                    (request.keys, request.ids) = halves(cx.args.tail(at), wants_group)?;
                    break;
                }
                () if is("GROUP") && left >= 2 => {
                    request.group = Some((cx.arg(at), cx.arg(at + 1)));
                    at += 2;
                }
                () if is("NOACK") => request.acknowledgement = Acknowledgement::NotNeeded,
                () => return Err(CommandError::SYNTAX),
            }
            if !wants_group && (is("GROUP") || is("NOACK")) {
                return Err(CommandError::new(format!(
                    "ERR The {} option is only supported by XREADGROUP. You called XREAD instead.",
                    if is("GROUP") { "GROUP" } else { "NOACK" }
                )));
            }
        }
        if request.keys.is_empty() { Err(CommandError::SYNTAX) } else { Ok(request) }
    }

    /// Each key with its ID.
    fn streams(&self) -> impl Iterator<Item = (&'c [u8], &'c [u8])> + use<'c> {
        self.keys.iter().zip(self.ids.iter())
    }
}

/// Keys and IDs, as many of each.
fn halves<'c>(words: Arguments<'c>, wants_group: bool) -> Result<(Arguments<'c>, Arguments<'c>), CommandError> {
    if !words.len().is_multiple_of(2) {
        let (name, symbol) = if wants_group { ("xreadgroup", '>') } else { ("xread", '$') };
        return Err(CommandError::new(format!(
            "ERR Unbalanced '{name}' list of streams: for each stream key an ID or '{symbol}' must be specified."
        )));
    }
    Ok((words, words.tail(words.len() / 2)))
}
