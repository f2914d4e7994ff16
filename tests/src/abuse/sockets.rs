//! Connections as such: too many, broken off in every state, and the Unix socket's mode.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::site::Site;
use super::wire::words;
use super::{Fault, Outcome, Row, ensure};
use crate::resp::Reply;

pub const ROWS: &[Row] = &[
    Row::new("B26", "more clients than maxclients", too_many).on(&["--maxclients", "20"]),
    // Replies of 1 MiB for clients that left, a few at a time.
    Row::new("B28", "3,000 connections broken off in every state", broken_off).growing(32).fresh(),
    Row::new("B32", "the Unix socket's mode while the server starts", unix_socket),
];

fn too_many(site: &Site) -> Outcome {
    const MOST: usize = 20;
    let mut wires = Vec::new();
    for _ in 0..MOST {
        let mut wire = site.wire()?;
        wire.expect_pong()?;
        wires.push(wire);
    }
    for _ in 0..50 {
        let mut late = site.wire()?;
        late.expect_end(b"-ERR max number of clients reached\r\n")?;
    }
    wires[0].expect_pong()?;
    wires.truncate(MOST - 5);
    std::thread::sleep(Duration::from_millis(200));
    for _ in 0..5 {
        let mut wire = site.wire()?;
        wire.expect_pong()?;
        wires.push(wire);
    }
    drop(wires);
    // Until the server has noticed, it is full; the next row wants a place.
    let mut looks = 0..250;
    while site.wire()?.expect_pong().is_err() {
        ensure(looks.next().is_some(), || "full although all clients are gone".to_owned())?;
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// A state to break a connection off in.
struct State {
    sent: &'static [u8],
    /// Replies arrive and stay unread: closing then sends RST, not FIN.
    unread: bool,
}

fn broken_off(site: &Site) -> Outcome {
    const ROUNDS: usize = 300;
    let states = [
        State { sent: b"", unread: false },
        State { sent: b"*3\r\n$3\r\nSET\r\n$1", unread: false },
        State { sent: b"*2\r\n$3\r\nGET\r\n$1000000\r\nabc", unread: false },
        State { sent: b"PING\r\n", unread: true },
        State { sent: b"PING\r\nPING\r\nPI", unread: true },
        State { sent: b"MULTI\r\nSET abuse:broken 1\r\n", unread: true },
        State { sent: b"WATCH abuse:broken\r\n", unread: true },
        State { sent: b"GET abuse:large\r\nGET abuse:large\r\nGET abuse:large\r\n", unread: true },
        State { sent: b"HELLO 3\r\nCLIENT SETNAME abuse\r\nSELECT 5\r\n", unread: true },
        State { sent: b"*abc\r\n", unread: true },
    ];
    let mut client = site.client()?;
    client.call(&[&b"SET"[..], b"abuse:large", &vec![b'x'; 1024 * 1024]])?;
    for _ in 0..ROUNDS {
        for state in &states {
            let mut wire = site.wire()?;
            wire.send(state.sent);
            if state.unread {
                wire.wait_for_bytes()?;
            }
        }
    }
    half_closed(site)?;
    ensure(client.call(&["EXISTS", "abuse:broken"])? == Reply::Integer(0), || "an unfinished SET ran".to_owned())?;
    client.call(&["DEL", "abuse:large"])?;
    alone_again(&mut client)
}

/// A client that sends FIN first still reads what it asked for.
fn half_closed(site: &Site) -> Outcome {
    let mut wire = site.wire()?;
    wire.send(&words("PING").repeat(100));
    wire.finish_sending();
    wire.expect_end(&b"+PONG\r\n".repeat(100))
}

/// No client of the storm is listed five seconds later.
fn alone_again(client: &mut crate::resp::Connection) -> Outcome {
    for _ in 0..250 {
        let Reply::Bulk(list) = client.call(&["CLIENT", "LIST"])? else {
            return Err("CLIENT LIST answers no text".into());
        };
        if list.iter().filter(|&&byte| byte == b'\n').count() == 1 {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Err("clients of the storm are still listed".into())
}

fn unix_socket(_: &Site) -> Outcome {
    let folder = std::env::temp_dir().join(format!("larder-abuse-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let result = [(None, 0o700), (Some("770"), 0o770), (Some("600"), 0o600)].into_iter().enumerate().try_for_each(
        |(number, (mode, expected))| -> Outcome {
            let path = folder.join(format!("{number}.sock"));
            let text = path.display().to_string();
            let mut arguments = vec!["--unixsocket", &text];
            arguments.extend(mode.iter().flat_map(|mode| ["--unixsocketperm", *mode]));
            let (site, modes) = modes_while_starting(&path, &arguments)?;
            let allowed = modes.iter().all(|mode| mode & !expected == 0);
            let seen = || modes.iter().map(|mode| format!(" {mode:o}")).collect::<String>();
            ensure(allowed, || format!("wanted {expected:o}, seen{}", seen()))?;
            let now = std::fs::metadata(&path)?.permissions().mode() & 0o777;
            ensure(now == expected, || format!("wanted {expected:o}, is {now:o}"))?;
            pong(&path)?;
            let left: Vec<_> = std::fs::read_dir(&folder)?.flatten().map(|entry| entry.file_name()).collect();
            ensure(left.iter().all(|name| name.to_string_lossy().ends_with(".sock")), || format!("left: {left:?}"))?;
            drop(site);
            Ok(())
        },
    );
    std::fs::remove_dir_all(&folder)?;
    result
}

/// Starts a server and collects every mode that its socket is seen with meanwhile.
fn modes_while_starting(path: &std::path::Path, arguments: &[&str]) -> Result<(Site, BTreeSet<u32>), Fault> {
    let started = Arc::new(AtomicBool::new(false));
    let (path, done) = (path.to_owned(), Arc::clone(&started));
    let watcher = std::thread::spawn(move || {
        let mut modes = BTreeSet::new();
        while !done.load(Ordering::Relaxed) {
            modes.extend(std::fs::metadata(&path).map(|found| found.permissions().mode() & 0o777).ok());
        }
        modes
    });
    let site = Site::start(arguments);
    started.store(true, Ordering::Relaxed);
    let modes = watcher.join().map_err(|_| "the watcher panicked")?;
    Ok((site?, modes))
}

fn pong(path: &std::path::Path) -> Outcome {
    let mut stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(b"PING\r\n")?;
    let mut reply = [0; 7];
    stream.read_exact(&mut reply)?;
    super::same("PING on the Unix socket", &reply, b"+PONG\r\n")
}
