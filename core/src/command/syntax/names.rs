//! What the names of values tell, and names for groups.

use super::{Argument, Kind};
use crate::command::{Command, Group};

/// The kind that a name stands for in most commands.
pub(super) fn kind_of_value(name: &str) -> Kind {
    match name {
        "key" | "key1" | "key2" | "newkey" | "source" | "sourcekey" | "src" | "destination" | "destkey" | "dst" => {
            Kind::Key
        }
        "unix-time-seconds" | "unix-time-milliseconds" => Kind::UnixTime,
        "pattern" | "match-pattern" | "library-name-pattern" => Kind::Pattern,
        "score" | "longitude" | "latitude" | "radius" | "width" | "height" | "weight" => Kind::Double,
        "bit" | "client-id" | "count" | "cursor" | "db" | "decrement" | "destination-db" | "end" | "frequency"
        | "idle" | "increment" | "index" | "index1" | "index2" | "len" | "limit" | "maxage" | "milliseconds"
        | "min-idle-time" | "min-match-len" | "ms" | "num-matches" | "numfields" | "numids" | "numkeys"
        | "numlocal" | "numreplicas" | "offset" | "port" | "protover" | "rank" | "seconds" | "start" | "stop"
        | "timeout" | "ttl" | "version" => Kind::Integer,
        _ => Kind::String,
    }
}

/// Corrects the kinds of values that mean something else in this command.
pub(super) fn refine(command: &Command, arguments: &mut [Argument]) {
    for argument in arguments {
        let kind = match (argument.name.as_str(), command.name) {
            ("increment", "incrbyfloat" | "hincrbyfloat" | "zincrby") => Some(Kind::Double),
            (
                "timeout",
                "blpop" | "brpop" | "brpoplpush" | "blmove" | "blmpop" | "bzpopmin" | "bzpopmax" | "bzmpop",
            ) => Some(Kind::Double),
            ("value", "setbit" | "bitfield") => Some(Kind::Integer),
            ("min" | "max", "zcount" | "zrangebyscore" | "zrevrangebyscore" | "zremrangebyscore") => Some(Kind::Double),
            ("start" | "end", _) if command.group == Group::Stream => Some(Kind::String),
            _ => None,
        };
        match kind {
            Some(kind) if argument.kind.children().is_empty() && argument.kind != Kind::PureToken => {
                argument.kind = kind
            }
            _ => refine(command, argument.kind.children_mut()),
        }
    }
}

/// Longest name that is made by joining others; longer ones help nobody.
const JOINED_NAME_BYTES: usize = 32;

/// A name for a group: those of its members, or of the first where that would be long.
pub(super) fn group_name(members: &[Argument]) -> String {
    let joined = members.iter().map(|member| member.name.as_str()).collect::<Vec<_>>().join("_");
    match members.first() {
        Some(first) if joined.len() > JOINED_NAME_BYTES => first.name.clone(),
        _ => joined,
    }
}
