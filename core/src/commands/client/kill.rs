//! CLIENT KILL.

use std::sync::atomic::Ordering;

use crate::context::Context;
use crate::error::CommandError;
use crate::hub::Client;
use crate::session::ClientId;

use super::filter::{Filter, Verb};

/// `CLIENT KILL address` must find its client; `CLIENT KILL filters…` answers how many it closed.
pub(super) fn kill(cx: &mut Context) -> Result<(), CommandError> {
    if cx.args.len() == 3 {
        return match close(cx, &Filter::from_address(cx.arg(2))) {
            0 => Err(CommandError::fixed("ERR No such client")),
            _ => {
                cx.reply.ok();
                Ok(())
            }
        };
    }
    let filter = Filter::parse(cx, Verb::Kill)?;
    let closed = close(cx, &filter);
    cx.reply.integer(closed);
    Ok(())
}

/// Closes what the filter fits, the caller after its reply, and says how many there were.
fn close(cx: &mut Context, filter: &Filter) -> i64 {
    let (own_id, now_ms) = (cx.session.id, cx.env.now_ms());
    let fits = |(id, client): &(&ClientId, &Client)| {
        !(filter.skip_me && **id == own_id)
            && filter.ids.as_ref().is_none_or(|ids| ids.contains(id))
            && filter.matches(client, now_ms)
    };
    let found: Vec<ClientId> = cx.hub().clients.iter().filter(fits).map(|(&id, _)| id).collect();
    for &id in found.iter().filter(|id| **id != own_id) {
        // Off the list at once: nobody sees it again, though its host may take a moment to close it.
        if let Some(client) = cx.hub().clients.remove(&id) {
            client.record.killed.store(true, Ordering::Relaxed);
        }
        cx.effects.close.push(id);
    }
    cx.session.closing |= found.contains(&own_id);
    found.len() as i64
}
