//! RESP framing: what is no request is refused with the known text, and nothing behind it runs.

use std::time::Duration;

use super::site::Site;
use super::wire::{request, words};
use super::{Outcome, Row};

pub const ROWS: &[Row] = &[
    Row::new("B01", "empty requests leave no trace", empty_requests),
    Row::new("B02", "counts that are none", wrong_counts),
    Row::new("B04", "every byte in place of '$'", every_first_byte),
    Row::new("B05", "lengths that are none", wrong_lengths),
    Row::new("B06", "a bulk without its CR LF", missing_crlf),
    Row::new("B07", "lines that end with LF alone", line_feeds),
    Row::new("B08", "lines at and over their limit", long_lines),
    Row::new("B09", "quotes of inline commands", quotes),
    Row::new("B10", "RESP3 aggregates as requests", aggregates),
];

/// How long a server that waits for more is watched.
const WATCH: Duration = Duration::from_millis(100);

/// Longest line of an inline command or a length.
const LINE_BYTES: usize = 64 * 1024;

/// What a connection reads for a protocol error, before it is closed.
pub fn protocol_error(text: &str) -> Vec<u8> {
    format!("-ERR Protocol error: {text}\r\n").into_bytes()
}

/// Each input ends its connection with an error, and a command behind it does not run.
pub fn refused(site: &Site, cases: &[(&[u8], &str)]) -> Outcome {
    for (input, text) in cases {
        let mut wire = site.wire()?;
        wire.send(input);
        wire.send(&words("SET abuse:after 1"));
        let case = |fault| format!("{}: {fault}", super::shown(input));
        wire.expect_end(&protocol_error(text)).map_err(case)?;
    }
    site.expect("EXISTS abuse:after", &crate::resp::Reply::Integer(0))
}

fn empty_requests(site: &Site) -> Outcome {
    let families = [
        "PING",
        "SET abuse:k v",
        "GET abuse:k",
        "STRLEN abuse:k",
        "APPEND abuse:e ",
        "SETBIT abuse:b 7 1",
        "BITCOUNT abuse:b",
        "EXPIRE abuse:k 100",
        "PERSIST abuse:none",
        "EXISTS abuse:k",
        "TYPE abuse:k",
        "OBJECT ENCODING abuse:k",
        "CONFIG GET port",
        "CLIENT GETNAME",
        "COMMAND INFO get",
        "SCAN 0 MATCH none",
        "LCS abuse:k abuse:k",
        "SELECT 0",
        "ECHO x",
        "WATCH abuse:k",
        "UNWATCH",
        "NOSUCH a b",
        "GET",
    ];
    for line in families {
        let command = words(line);
        let mut plain = site.client()?;
        let parts: Vec<&str> = line.split(' ').collect();
        // The second time the command finds its own work done, as all later ones do.
        plain.call(&parts)?;
        let expected = plain.call(&parts)?;
        for empty in ["\r\n", "\n", "   \r\n", "*0\r\n", "*-10\r\n", "*-1\r\n", "\r\n*0\r\n\r\n"] {
            let mut wire = site.wire()?;
            wire.send(empty.as_bytes());
            wire.send(&command);
            let reply = wire.reply()?;
            super::ensure(reply == expected, || format!("{empty:?} then {line}: {reply:?}, not {expected:?}"))?;
            wire.expect_pong()?;
        }
    }
    site.call("DEL abuse:k abuse:b abuse:e").map(drop)
}

fn wrong_counts(site: &Site) -> Outcome {
    let counts =
        ["2147483648", "3000000000", "+1", "01", " 1", "abc", "-", "1x", "9223372036854775808", "1 ", "-0", "0x1", ""];
    for count in counts {
        // Redis reads "-0" and an empty count as no number either.
        refused(site, &[(format!("*{count}\r\n").as_bytes(), "invalid multibulk length")])?;
    }
    Ok(())
}

fn every_first_byte(site: &Site) -> Outcome {
    for byte in (0..=u8::MAX).filter(|&byte| byte != b'$') {
        let mut wire = site.wire()?;
        wire.send(&[b"*1\r\n", &[byte][..], b"4\r\nPING\r\n"].concat());
        let quoted = if matches!(byte, b'\r' | b'\n') { b' ' } else { byte };
        let expected = [b"-ERR Protocol error: expected '$', got '", &[quoted][..], b"'\r\n"].concat();
        wire.expect_end(&expected).map_err(|fault| format!("byte {byte}: {fault}"))?;
    }
    refused(site, &[(b"*1\r\nfoo\r\n", "expected '$', got 'f'"), (b"*2\r\n*1\r\n", "expected '$', got '*'")])
}

fn wrong_lengths(site: &Site) -> Outcome {
    for length in ["-1", "-10", "abc", "536870913", "?", "+4", "04", " 4", "4 ", "9223372036854775808", "", "-0"] {
        refused(site, &[(format!("*1\r\n${length}\r\n").as_bytes(), "invalid bulk length")])?;
    }
    // The largest length that is allowed only waits: nothing is set aside for it.
    let mut wire = site.wire()?;
    wire.send(b"*1\r\n$536870912\r\n");
    wire.expect_silence(WATCH)
}

/// Redis skips two bytes here, whatever they are; Larder does not guess where the next request begins.
fn missing_crlf(site: &Site) -> Outcome {
    refused(
        site,
        &[
            (b"*1\r\n$4\r\nPINGXX*1\r\n$4\r\nPING\r\n", "expected CRLF after bulk"),
            (b"*1\r\n$3\r\nPING\r\n", "expected CRLF after bulk"),
            (b"*1\r\n$4\r\nPING\n\r", "expected CRLF after bulk"),
        ],
    )
}

fn line_feeds(site: &Site) -> Outcome {
    let mut wire = site.wire()?;
    wire.send(b"PING\n");
    wire.expect(b"+PONG\r\n")?;
    for input in ["*1\n", "*1\n$4\nPING\n", "*1\r\n$4\n"] {
        let mut wire = site.wire()?;
        wire.send(input.as_bytes());
        wire.expect_silence(WATCH).map_err(|fault| format!("{input:?}: {fault}"))?;
    }
    Ok(())
}

fn long_lines(site: &Site) -> Outcome {
    let mut longest = b"ECHO ".to_vec();
    longest.resize(LINE_BYTES, b'a');
    let mut wire = site.wire()?;
    wire.send(&[&longest[..], b"\n"].concat());
    let echoed = LINE_BYTES - 5;
    wire.expect(&[format!("${echoed}\r\n").as_bytes(), &longest[5..], b"\r\n"].concat())?;
    wire.expect_pong()?;
    let over = |first: &[u8], fill: u8| {
        let mut line = first.to_vec();
        line.resize(LINE_BYTES + 1, fill);
        line
    };
    refused(
        site,
        &[
            (&over(b"ECHO ", b'a'), "too big inline request"),
            (&over(b"", 0), "too big inline request"),
            (&over(b"*", b'1'), "too big mbulk count string"),
            (&[b"*1\r\n", &over(b"$", b'1')[..]].concat(), "too big bulk count string"),
        ],
    )
}

fn quotes(site: &Site) -> Outcome {
    let unbalanced: &[&[u8]] = &[
        b"SET k \"v\r\n",
        b"SET k 'v\r\n",
        b"SET k \"v\\\"\r\n",
        b"SET k 'v\\'\r\n",
        b"SET k \"v\"w\r\n",
        b"'a'b\r\n",
    ];
    for input in unbalanced {
        refused(site, &[(input, "unbalanced quotes in request")])?;
    }
    let accepted: &[(&[u8], &[u8])] = &[
        (b"ECHO \"\\xZZ\"\r\n", b"xZZ"),
        (b"ECHO \"\\x41\\n\"\r\n", b"A\n"),
        (b"ECHO 'it\\'s'\r\n", b"it's"),
        (b"ECHO a\"b c\"\r\n", b"ab c"),
        (b"ECHO \"\"\r\n", b""),
    ];
    for (input, echoed) in accepted {
        let mut wire = site.wire()?;
        wire.send(input);
        wire.expect(&[format!("${}\r\n", echoed.len()).as_bytes(), echoed, b"\r\n"].concat())
            .map_err(|fault| format!("{}: {fault}", super::shown(input)))?;
    }
    Ok(())
}

fn aggregates(site: &Site) -> Outcome {
    for version in ["2", "3"] {
        for (input, mark) in [("%1\r\n", '%'), ("~1\r\n", '~'), (">1\r\n", '>'), ("|1\r\n", '|'), ("$?\r\n", '$')] {
            let mut wire = site.wire()?;
            wire.send(&request(&[b"HELLO", version.as_bytes()]));
            wire.reply()?;
            wire.send(input.as_bytes());
            wire.expect_end(&protocol_error(&format!("expected '*', got '{mark}'")))?;
        }
        refused(site, &[(b"*?\r\n", "invalid multibulk length"), (b"*1\r\n$?\r\n", "invalid bulk length")])?;
    }
    Ok(())
}
