//! Nothing that was rejected is half applied.

use super::commands::{error, ok, play};
use super::framing::protocol_error;
use super::http::{ask, post};
use super::site::Site;
use super::wire::words;
use super::{Outcome, Row, ensure};
use crate::resp::Reply;

pub const ROWS: &[Row] = &[
    Row::new("A01", "a pipeline whose third command is a protocol error", broken_pipeline),
    Row::new("A02", "MULTI with a bad command", broken_transaction),
    Row::new("A03", "MULTI that a protocol error or a close cuts", cut_transaction),
    Row::new("A04", "POST /pipeline that is malformed", malformed_pipeline),
    Row::new("A05", "POST /multi-exec with a bad command", bad_multi_exec),
    Row::new("A06", "a body that ends early", short_body),
];

fn nothing_ran(site: &Site) -> Outcome {
    site.expect("EXISTS abuse:a1 abuse:a2 abuse:a3 abuse:a4", &Reply::Integer(0))
}

fn broken_pipeline(site: &Site) -> Outcome {
    let wrong: [(&[u8], Vec<u8>); 4] = [
        (b"*abc\r\n", protocol_error("invalid multibulk length")),
        (b"*1\r\n$-1\r\n", protocol_error("invalid bulk length")),
        (b"SET abuse:a3 \"1\r\n", protocol_error("unbalanced quotes in request")),
        (b"POST / HTTP/1.1\r\n", Vec::new()),
    ];
    for (input, reply) in wrong {
        let pipeline =
            [&words("SET abuse:a1 1")[..], &words("SET abuse:a2 2"), input, &words("SET abuse:a3 3"), &words("PING")];
        let mut wire = site.wire()?;
        wire.send(&pipeline.concat());
        wire.expect_end(&[b"+OK\r\n+OK\r\n", &reply[..]].concat())?;
        site.expect("DEL abuse:a1 abuse:a2", &Reply::Integer(2))?;
        nothing_ran(site)?;
    }
    Ok(())
}

fn broken_transaction(site: &Site) -> Outcome {
    let queued = || Reply::Simple(b"QUEUED".to_vec());
    let aborted = || error("EXECABORT Transaction discarded because of previous errors.");
    for (line, text) in [
        ("NOSUCH a", "ERR unknown command 'NOSUCH', with args beginning with: 'a' "),
        ("GET", "ERR wrong number of arguments for 'get' command"),
        ("CLIENT FOO", "ERR unknown subcommand 'FOO'. Try CLIENT HELP."),
    ] {
        play(
            site,
            &[
                ("MULTI", ok()),
                ("SET abuse:a1 1", queued()),
                (line, error(text)),
                ("SET abuse:a2 2", queued()),
                ("EXEC", aborted()),
                ("EXISTS abuse:a1 abuse:a2", Reply::Integer(0)),
                ("EXEC", error("ERR EXEC without MULTI")),
            ],
        )?;
    }
    play(
        site,
        &[
            ("MULTI", ok()),
            ("MULTI", error("ERR MULTI calls can not be nested")),
            ("WATCH abuse:a1", error("ERR WATCH inside MULTI is not allowed")),
            ("DISCARD", ok()),
            ("DISCARD", error("ERR DISCARD without MULTI")),
        ],
    )?;
    nothing_ran(site)
}

fn cut_transaction(site: &Site) -> Outcome {
    let begun = [words("MULTI"), words("SET abuse:a1 1")].concat();
    let mut wire = site.wire()?;
    wire.send(&[&begun[..], b"*1\r\nfoo\r\n", &words("EXEC")].concat());
    let replies = [b"+OK\r\n+QUEUED\r\n", &protocol_error("expected '$', got 'f'")[..]].concat();
    wire.expect_end(&replies)?;
    let mut wire = site.wire()?;
    wire.send(&begun);
    wire.send(b"*1\r\n$4\r\nEXE");
    wire.finish_sending();
    wire.expect_end(b"+OK\r\n+QUEUED\r\n")?;
    nothing_ran(site)
}

fn malformed_pipeline(site: &Site) -> Outcome {
    let set = "[\"SET\",\"abuse:a1\",\"1\"]";
    for rest in
        ["", ",", ",[]]", ",[\"SET\",\"abuse:a2\",null]]", ",{}]", ",\"PING\"]", "] x", ",[\"SET\",\"a", ",[1,]]"]
    {
        for path in ["/pipeline", "/multi-exec"] {
            let text = format!("[{set}{rest}");
            let answer = post(site.http(), path, text.as_bytes())?;
            ensure(answer.status == 400, || format!("{path} {text}: {}", answer.head))?;
            nothing_ran(site).map_err(|fault| format!("{path} {text}: {fault}"))?;
        }
    }
    Ok(())
}

fn bad_multi_exec(site: &Site) -> Outcome {
    for bad in [
        "[\"NOSUCH\"]",
        "[\"GET\"]",
        "[\"MULTI\"]",
        "[\"EXEC\"]",
        "[\"DISCARD\"]",
        "[\"WATCH\",\"k\"]",
        "[\"SUBSCRIBE\",\"c\"]",
    ] {
        let text = format!("[[\"SET\",\"abuse:a1\",\"1\"],{bad},[\"SET\",\"abuse:a2\",\"2\"]]");
        let answer = post(site.http(), "/multi-exec", text.as_bytes())?;
        let aborted = answer.status == 400 && answer.text().contains("EXECABORT");
        ensure(aborted, || format!("{bad}: {} {}", answer.status, answer.text()))?;
        nothing_ran(site).map_err(|fault| format!("{bad}: {fault}"))?;
    }
    Ok(())
}

/// The client said more would come; what came is a whole command, but not the whole body.
fn short_body(site: &Site) -> Outcome {
    let json = "Content-Type: application/json";
    let commands = b"[[\"SET\",\"abuse:a1\",\"1\"]]";
    for path in ["/pipeline", "/multi-exec"] {
        let mut wire = super::wire::Wire::open(site.http())?;
        let head = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\n{json}\r\nContent-Length: 1000\r\n\r\n");
        wire.send(&[head.as_bytes(), commands].concat());
        wire.finish_sending();
        wire.rest()?;
        nothing_ran(site).map_err(|fault| format!("{path}: {fault}"))?;
    }
    let chunked = [b"19\r\n", &commands[..], b"\r\nnonsense"].concat();
    let answer = ask(site.http(), "POST /pipeline", &[json, "Transfer-Encoding: chunked"], &chunked)?;
    ensure(answer.status == 400, || answer.head.clone())?;
    nothing_ran(site)
}
