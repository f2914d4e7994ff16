//! The connection itself: HELLO, AUTH, PING, ECHO, SELECT, QUIT, RESET.

use crate::command::{Categories, Command, Flags, Group, Scope, rows};
use crate::context::Context;
use crate::error::CommandError;
use crate::number;
use crate::resp::Protocol;
use crate::session::{ReplyMode, Session};

use super::transaction::unwatch_all;

const BEFORE_LOGIN: Flags = Flags::NOSCRIPT
    .union(Flags::LOADING)
    .union(Flags::STALE)
    .union(Flags::FAST)
    .union(Flags::NO_AUTH)
    .union(Flags::ALLOW_BUSY);

/// Rows of this family.
pub static COMMANDS: &[Command] = &rows([
    Command {
        name: "auth",
        group: Group::Connection,
        arity: -2,
        flags: BEFORE_LOGIN,
        categories: Categories::CONNECTION,
        since: "1.0.0",
        summary: "Logs in.",
        complexity: "O(1)",
        syntax: "[username] password",
        handler: auth,
        ..Command::ROW
    },
    Command {
        name: "echo",
        group: Group::Connection,
        arity: 2,
        flags: Flags::LOADING.union(Flags::STALE).union(Flags::FAST),
        categories: Categories::CONNECTION,
        since: "1.0.0",
        summary: "Answers its argument.",
        syntax: "message",
        handler: echo,
        ..Command::ROW
    },
    Command {
        name: "hello",
        group: Group::Connection,
        arity: -1,
        flags: BEFORE_LOGIN,
        categories: Categories::CONNECTION,
        scope: Scope::Hub,
        since: "6.0.0",
        summary: "Chooses the protocol version, logs in and names the connection, all at once.",
        syntax: "[protover [AUTH username password] [SETNAME clientname]]",
        handler: hello,
        ..Command::ROW
    },
    Command {
        name: "ping",
        group: Group::Connection,
        arity: -1,
        flags: Flags::FAST,
        categories: Categories::CONNECTION,
        since: "1.0.0",
        summary: "Answers PONG, or its argument.",
        syntax: "[message]",
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        handler: ping,
        ..Command::ROW
    },
    Command {
        name: "quit",
        group: Group::Connection,
        arity: -1,
        flags: BEFORE_LOGIN.union(Flags::IMMEDIATE),
        categories: Categories::CONNECTION,
        since: "1.0.0",
        summary: "Answers OK and closes the connection.",
        deprecated: Some(("7.2.0", "closing the connection")),
        handler: quit,
        ..Command::ROW
    },
    Command {
        name: "reset",
        group: Group::Connection,
        arity: 1,
        flags: BEFORE_LOGIN.union(Flags::IMMEDIATE),
        categories: Categories::CONNECTION,
        scope: Scope::Everything,
        since: "6.2.0",
        summary: "Puts the connection back to how it was when it opened.",
        handler: reset,
        ..Command::ROW
    },
    Command {
        name: "select",
        group: Group::Connection,
        arity: 2,
        flags: Flags::LOADING.union(Flags::STALE).union(Flags::FAST),
        categories: Categories::CONNECTION,
        since: "1.0.0",
        summary: "Chooses the database that later commands work on.",
        syntax: "index",
        handler: select,
        ..Command::ROW
    },
]);

/// Refusal of a wrong user or password: one text for both.
const WRONG_PASSWORD: CommandError =
    CommandError::fixed("WRONGPASS invalid username-password pair or user is disabled.");

/// The only user there is until ACLs exist.
const DEFAULT_USER: &[u8] = b"default";

fn auth(cx: &mut Context) -> Result<(), CommandError> {
    if cx.args.len() > 3 {
        return Err(CommandError::SYNTAX);
    }
    if cx.args.len() == 2 && cx.env.settings.requirepass.is_empty() {
        return Err(CommandError::fixed(
            "ERR AUTH <password> called without any password configured for the default user. Are you sure your \
             configuration is correct?",
        ));
    }
    let (user, password) = match cx.args.len() {
        2 => (DEFAULT_USER, cx.arg(1)),
        _ => (cx.arg(1), cx.arg(2)),
    };
    log_in(cx, user, password)?;
    cx.reply.ok();
    Ok(())
}

fn log_in(cx: &mut Context, user: &[u8], password: &[u8]) -> Result<(), CommandError> {
    let expected = cx.env.settings.requirepass.as_bytes();
    // Without a password the default user accepts any.
    if user != DEFAULT_USER || !expected.is_empty() && !equal_in_constant_time(expected, password) {
        return Err(WRONG_PASSWORD);
    }
    cx.session.authenticated = true;
    Ok(())
}

/// Compares without telling by its duration where the first difference is.
pub(crate) fn equal_in_constant_time(expected: &[u8], given: &[u8]) -> bool {
    let difference = given.iter().enumerate().fold(expected.len() ^ given.len(), |difference, (i, byte)| {
        difference | usize::from(byte ^ expected[i % expected.len().max(1)])
    });
    std::hint::black_box(difference) == 0
}

fn echo(cx: &mut Context) -> Result<(), CommandError> {
    cx.reply.bulk(cx.arg(1));
    Ok(())
}

fn ping(cx: &mut Context) -> Result<(), CommandError> {
    match cx.args.len() {
        1 => cx.reply.status("PONG"),
        2 => cx.reply.bulk(cx.arg(1)),
        _ => return Err(CommandError::arity("ping")),
    }
    Ok(())
}

fn hello(cx: &mut Context) -> Result<(), CommandError> {
    let mut protocol = cx.session.protocol;
    if cx.args.len() > 1 {
        protocol = match number::parse_i64(cx.arg(1)) {
            Some(2) => Protocol::Resp2,
            Some(3) => Protocol::Resp3,
            Some(_) => return Err(CommandError::fixed("NOPROTO unsupported protocol version")),
            None => {
                return Err(CommandError::fixed("ERR Protocol version is not an integer or out of range"));
            }
        };
    }
    let mut credentials = None;
    let mut name = None;
    let mut i = 2;
    while i < cx.args.len() {
        let (option, left) = (cx.arg(i), cx.args.len() - i - 1);
        if option.eq_ignore_ascii_case(b"AUTH") && left >= 2 {
            credentials = Some((cx.arg(i + 1), cx.arg(i + 2)));
            i += 3;
        } else if option.eq_ignore_ascii_case(b"SETNAME") && left >= 1 {
            name = Some(cx.arg(i + 1));
            super::client::check_name(cx.arg(i + 1))?;
            i += 2;
        } else {
            return Err(CommandError::quoting("ERR Syntax error in HELLO option '", option, "'"));
        }
    }
    if let Some((user, password)) = credentials {
        log_in(cx, user, password)?;
    }
    if !cx.session.authenticated {
        return Err(CommandError::fixed(
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH \
             <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the \
             same time",
        ));
    }
    if let Some(name) = name {
        super::client::set_name(cx, name);
    }
    cx.session.protocol = protocol;
    cx.session.publish();
    cx.reply.set_protocol(protocol);
    let id = cx.session.id as i64;
    let reply = &mut cx.reply;
    reply.map(7);
    reply.bulk(b"server");
    reply.bulk(crate::SERVER_NAME.as_bytes());
    reply.bulk(b"version");
    reply.bulk(crate::REDIS_VERSION.as_bytes());
    reply.bulk(b"proto");
    reply.integer(i64::from(protocol.version()));
    reply.bulk(b"id");
    reply.integer(id);
    reply.bulk(b"mode");
    reply.bulk(b"standalone");
    reply.bulk(b"role");
    reply.bulk(b"master");
    reply.bulk(b"modules");
    reply.array(0);
    Ok(())
}

fn quit(cx: &mut Context) -> Result<(), CommandError> {
    cx.session.closing = true;
    cx.reply.ok();
    Ok(())
}

fn reset(cx: &mut Context) -> Result<(), CommandError> {
    cx.session.transaction = None;
    unwatch_all(cx.session, cx.keys);
    let Session { db, protocol, replies, no_touch, authenticated, .. } = cx.session;
    (*db, *protocol, *replies, *no_touch) = (0, Protocol::Resp2, ReplyMode::On, false);
    *authenticated = cx.env.settings.requirepass.is_empty();
    super::client::set_name(cx, b"");
    cx.session.publish();
    cx.reply.set_protocol(Protocol::Resp2);
    cx.reply.status("RESET");
    Ok(())
}

fn select(cx: &mut Context) -> Result<(), CommandError> {
    cx.session.db = cx.database(1)?;
    cx.session.publish();
    cx.reply.ok();
    Ok(())
}
