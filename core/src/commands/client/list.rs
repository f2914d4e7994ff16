//! CLIENT LIST and CLIENT INFO.

use std::sync::Arc;

use crate::context::Context;
use crate::error::CommandError;
use crate::hub::Client;

use super::filter::{Filter, Verb};
use super::line::write_line;

pub(super) fn list(cx: &mut Context) -> Result<(), CommandError> {
    let filter = Filter::parse(cx, Verb::List)?;
    let (own_id, request, now_ms) = (cx.session.id, cx.args, cx.env.now_ms());
    let hub = cx.hub();
    let mut lines = Vec::new();
    let mut show = |id, client: &Client| {
        if !(filter.skip_me && id == own_id) && filter.matches(client, now_ms) {
            write_line(&mut lines, id, client, (id == own_id).then_some(request), now_ms);
        }
    };
    match &filter.ids {
        Some(ids) => ids.iter().filter_map(|id| Some((*id, hub.clients.get(id)?))).for_each(|(id, c)| show(id, c)),
        None => hub.clients.iter().for_each(|(&id, client)| show(id, client)),
    }
    cx.reply.verbatim("txt", &lines);
    Ok(())
}

pub(super) fn info(cx: &mut Context) -> Result<(), CommandError> {
    let (id, request, now_ms) = (cx.session.id, cx.args, cx.env.now_ms());
    let record = Arc::clone(&cx.session.record);
    let mut line = Vec::new();
    match cx.hub().clients.get(&id) {
        Some(client) => write_line(&mut line, id, client, Some(request), now_ms),
        // A request without a connection, or a client that was just killed.
        None => write_line(&mut line, id, &unlisted(record, now_ms), Some(request), now_ms),
    }
    cx.reply.verbatim("txt", &line);
    Ok(())
}

fn unlisted(record: Arc<crate::session::ClientRecord>, now_ms: u64) -> Client {
    Client {
        address: String::new(),
        local_address: String::new(),
        descriptor: -1,
        created_ms: now_ms,
        name: Vec::new(),
        library_name: Vec::new(),
        library_version: Vec::new(),
        record,
    }
}
