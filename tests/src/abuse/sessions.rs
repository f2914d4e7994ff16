//! HELLO, RESET, QUIT: the state of a session after each.

use super::site::Site;
use super::wire::words;
use super::{LOCKED, Outcome, PASSWORD, Row, ensure};
use crate::resp::{Connection, Reply};

pub const ROWS: &[Row] = &[
    Row::new("B18", "HELLO that is refused changes nothing", refused_hello),
    Row::new("B18", "HELLO with a wrong password changes nothing", wrong_password).on(LOCKED),
    Row::new("B18", "RESET drops all there is", reset),
    Row::new("B18", "RESET drops the login", reset_login).on(LOCKED),
    Row::new("B18", "QUIT with more behind it", quit),
];

fn error(text: &str) -> Reply {
    Reply::Error(text.as_bytes().to_vec())
}

fn expect(client: &mut Connection, line: &str, expected: &Reply) -> Outcome {
    let words: Vec<&str> = line.split(' ').collect();
    let reply = client.call(&words)?;
    ensure(reply == *expected, || format!("{line}: got {reply:?}, expected {expected:?}"))
}

/// RESP2 and no name: what a new connection has.
fn is_fresh(client: &mut Connection) -> Outcome {
    expect(client, "GET abuse:none", &Reply::NullBulk)?;
    let name = client.call(&["CLIENT", "GETNAME"])?;
    let nameless = name == Reply::NullBulk || name == Reply::Bulk(Vec::new());
    ensure(nameless, || format!("CLIENT GETNAME: {name:?}"))
}

fn refused_hello(site: &Site) -> Outcome {
    let mut client = site.client()?;
    let not_a_number = "ERR Protocol version is not an integer or out of range";
    for (line, text) in [
        ("HELLO 4", "NOPROTO unsupported protocol version"),
        ("HELLO 1", "NOPROTO unsupported protocol version"),
        ("HELLO 9223372036854775807", "NOPROTO unsupported protocol version"),
        ("HELLO x", not_a_number),
        ("HELLO 9223372036854775808", not_a_number),
        ("HELLO 3 FOO", "ERR Syntax error in HELLO option 'FOO'"),
        ("HELLO 3 AUTH default", "ERR Syntax error in HELLO option 'AUTH'"),
        ("HELLO 3 SETNAME", "ERR Syntax error in HELLO option 'SETNAME'"),
        ("HELLO 3 SETNAME abuse FOO", "ERR Syntax error in HELLO option 'FOO'"),
        ("HELLO 3 SETNAME a\nb", "ERR Client names cannot contain spaces, newlines or special characters."),
    ] {
        expect(&mut client, line, &error(text))?;
        is_fresh(&mut client)?;
    }
    Ok(())
}

fn wrong_password(site: &Site) -> Outcome {
    let mut client = Connection::open(site.resp())?;
    let wrong = error("WRONGPASS invalid username-password pair or user is disabled.");
    for line in ["HELLO 3 AUTH default wrong", "HELLO 3 AUTH nobody wrong SETNAME x", "AUTH wrong", "AUTH nobody x"] {
        expect(&mut client, line, &wrong)?;
        expect(&mut client, "PING", &error("NOAUTH Authentication required."))?;
    }
    for line in ["HELLO", "HELLO 3", "HELLO 2 SETNAME x"] {
        let reply = client.call(&line.split(' ').collect::<Vec<_>>())?;
        let known = b"NOAUTH HELLO must be called with the client already authenticated, ";
        ensure(matches!(&reply, Reply::Error(text) if text.starts_with(known)), || format!("{line}: {reply:?}"))?;
    }
    let ok = Reply::Simple(b"OK".to_vec());
    let reply = client.call(&["AUTH", PASSWORD])?;
    ensure(reply == ok, || format!("AUTH after all that: {reply:?}"))?;
    is_fresh(&mut client)
}

fn reset(site: &Site) -> Outcome {
    let ok = Reply::Simple(b"OK".to_vec());
    let mut client = site.client()?;
    client.call(&["HELLO", "3", "SETNAME", "abuse"])?;
    expect(&mut client, "SELECT 3", &ok)?;
    expect(&mut client, "WATCH abuse:w", &ok)?;
    expect(&mut client, "MULTI", &ok)?;
    expect(&mut client, "SET abuse:reset 1", &Reply::Simple(b"QUEUED".to_vec()))?;
    expect(&mut client, "RESET", &Reply::Simple(b"RESET".to_vec()))?;
    expect(&mut client, "EXEC", &error("ERR EXEC without MULTI"))?;
    is_fresh(&mut client)?;
    // In which database it is shows where its keys go; the watch is gone if another's write does not matter.
    expect(&mut client, "SET abuse:where 1", &ok)?;
    site.expect("EXISTS abuse:where", &Reply::Integer(1))?;
    let mut other = site.client()?;
    expect(&mut other, "SELECT 3", &ok)?;
    expect(&mut other, "SET abuse:w 1", &ok)?;
    expect(&mut other, "EXISTS abuse:reset", &Reply::Integer(0))?;
    expect(&mut client, "MULTI", &ok)?;
    expect(&mut client, "EXEC", &Reply::Array(Vec::new()))?;
    expect(&mut other, "DEL abuse:w", &Reply::Integer(1))?;
    site.expect("DEL abuse:where", &Reply::Integer(1))
}

fn reset_login(site: &Site) -> Outcome {
    let mut client = site.client()?;
    expect(&mut client, "PING", &Reply::Simple(b"PONG".to_vec()))?;
    expect(&mut client, "RESET", &Reply::Simple(b"RESET".to_vec()))?;
    expect(&mut client, "PING", &error("NOAUTH Authentication required."))?;
    expect(&mut client, "SET abuse:k v", &error("NOAUTH Authentication required."))
}

fn quit(site: &Site) -> Outcome {
    let mut wire = site.wire()?;
    wire.send(&[words("QUIT"), words("SET abuse:quit 1"), words("PING")].concat());
    wire.expect_end(b"+OK\r\n")?;
    let mut wire = site.wire()?;
    wire.send(b"MULTI\r\nSET abuse:quit 1\r\nQUIT\r\nEXEC\r\n");
    wire.expect_end(b"+OK\r\n+QUEUED\r\n+OK\r\n")?;
    site.expect("EXISTS abuse:quit", &Reply::Integer(0))
}
