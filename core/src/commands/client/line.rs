//! The line that CLIENT LIST and CLIENT INFO give for one client.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::command::CommandId;
use crate::hub::Client;
use crate::resp::Arguments;
use crate::session::ClientId;

/// Appends the line of a client. `own` is the running request if the client is the caller itself, whose buffers are
/// not published while it runs.
pub(super) fn write_line(out: &mut Vec<u8>, id: ClientId, client: &Client, own: Option<Arguments<'_>>, now_ms: u64) {
    let record = &client.record;
    let load = |number: &AtomicU64| number.load(Ordering::Relaxed);
    let age_seconds = now_ms.saturating_sub(client.created_ms) / 1000;
    let idle_seconds = now_ms.saturating_sub(load(&record.active_ms).max(client.created_ms)) / 1000;
    let (query_bytes, argument_bytes) = match own {
        Some(request) => (request_bytes(request), request.iter().map(<[u8]>::len).sum::<usize>() as u64),
        None => (load(&record.query_bytes), load(&record.argument_bytes)),
    };
    let (query_free_bytes, queued_bytes) = (load(&record.query_free_bytes), load(&record.queued_bytes));
    let output_bytes = load(&record.output_bytes);
    let total_bytes = query_bytes + query_free_bytes + argument_bytes + queued_bytes + output_bytes;
    let queued = load(&record.queued).cast_signed() - 1;
    let command = usize::try_from(load(&record.last_command)).ok().and_then(|place| place.checked_sub(1));
    let command = command.and_then(CommandId::from_index).map_or("NULL", CommandId::full_name);
    let text = |bytes| String::from_utf8_lossy(bytes);
    let written = writeln!(
        out,
        "id={id} addr={address} laddr={local_address} fd={descriptor} name={name} age={age_seconds} \
         idle={idle_seconds} flags={flags} db={db} sub=0 psub=0 ssub=0 multi={queued} qbuf={query_bytes} \
         qbuf-free={query_free_bytes} argv-mem={argument_bytes} multi-mem={queued_bytes} rbs={output_bytes} \
         rbp={output_bytes} obl={output_bytes} oll=0 omem=0 tot-mem={total_bytes} events=r cmd={command} \
         user=default redir=-1 resp={protocol} lib-name={library_name} lib-ver={library_version}",
        address = client.address,
        local_address = client.local_address,
        descriptor = client.descriptor,
        name = text(&client.name),
        flags = flags(client),
        db = load(&record.db),
        protocol = load(&record.protocol),
        library_name = text(&client.library_name),
        library_version = text(&client.library_version),
    );
    written.expect("a vector takes all bytes");
}

/// One letter for each state, `N` for none.
fn flags(client: &Client) -> String {
    let record = &client.record;
    let letters = [
        (record.queued.load(Ordering::Relaxed) > 0, 'x'),
        (record.blocked.load(Ordering::Relaxed), 'b'),
        (record.killed.load(Ordering::Relaxed), 'A'),
        (client.address.starts_with('/'), 'U'),
        (record.no_evict.load(Ordering::Relaxed), 'e'),
        (record.no_touch.load(Ordering::Relaxed), 'T'),
    ];
    let set: String = letters.iter().filter(|(is_set, _)| *is_set).map(|(_, letter)| letter).collect();
    if set.is_empty() { "N".to_owned() } else { set }
}

/// Bytes a request takes on the wire as an array of bulk strings.
fn request_bytes(request: Arguments<'_>) -> u64 {
    // A mark before and CR LF behind each number.
    let framed = |number: usize| itoa::Buffer::new().format(number).len() + 3;
    let words = request.iter().map(|word| framed(word.len()) + word.len() + 2);
    (framed(request.len()) + words.sum::<usize>()) as u64
}
