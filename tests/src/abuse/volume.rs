//! Much of something: declared sizes, arguments, replies that nobody reads, errors in a loop.

use std::time::{Duration, Instant};

use super::probe::Probe;
use super::site::Site;
use super::wire::{Wire, request, words};
use super::{Fault, LOCKED, Outcome, PASSWORD, Row, ensure};
use crate::resp::Reply;

pub const ROWS: &[Row] = &[
    // A connection's buffers, however little it declares: what a thousand honest ones hold is compared.
    Row::new("B03", "1,000 connections that declare huge counts", declared_counts).growing(64).fresh(),
    Row::new("B13", "512 MiB declared by 100, little sent", declared_lengths).fresh(),
    // A request of 10 MB in a buffer that doubles, and the argument table beside it.
    Row::new("B14", "commands with a million arguments", many_arguments).growing(128).fresh(),
    // Ten clients with a reply batch each, and the value.
    Row::new("B15", "1 MiB values that nobody reads", slow_readers).growing(48).fresh(),
    Row::new("B16", "a flood of refused commands, never read", unread_refusals).on(LOCKED).fresh(),
    Row::new("B17", "2,000 connections with protocol errors", errors_in_a_loop).fresh(),
];

/// What honest commands may take beside an attack, 99 of 100. An idle machine needs far less; two cores are shared with
/// the attack itself here.
const HEALTHY_P99: Duration = Duration::from_millis(50);

/// How long the server is given to take bytes in.
const SETTLE: Duration = Duration::from_millis(300);

/// Memory of the server while many connections have sent something.
fn resident_with(site: &Site, connections: usize, bytes: &[u8]) -> Result<u64, Fault> {
    let mut wires = Vec::new();
    for _ in 0..connections {
        let mut wire = site.wire()?;
        wire.send(bytes);
        wires.push(wire);
    }
    std::thread::sleep(SETTLE);
    let resident = site.resident_bytes()?;
    drop(wires);
    wait_until_alone(site)?;
    Ok(resident)
}

/// Waits until the server has noticed that its clients are gone.
fn wait_until_alone(site: &Site) -> Outcome {
    let start = Instant::now();
    let mut client = site.client()?;
    loop {
        let Reply::Bulk(list) = client.call(&["CLIENT", "LIST"])? else {
            return Err("CLIENT LIST answers no text".into());
        };
        let clients = list.iter().filter(|&&byte| byte == b'\n').count();
        if clients <= 1 {
            return Ok(());
        }
        ensure(start.elapsed() < Duration::from_secs(5), || format!("{clients} clients are still listed"))?;
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn declared_counts(site: &Site) -> Outcome {
    const CONNECTIONS: usize = 1000;
    const NOISE_BYTES: u64 = 1024 * 1024;
    // The first round is for what the allocator keeps afterwards.
    resident_with(site, CONNECTIONS, b"*1\r\n")?;
    let honest = resident_with(site, CONNECTIONS, b"*1\r\n")?;
    for count in ["1048577", "2147483647"] {
        let huge = resident_with(site, CONNECTIONS, format!("*{count}\r\n").as_bytes())?;
        let more = huge.saturating_sub(honest);
        ensure(more <= NOISE_BYTES, || format!("*{count} costs {} KiB more than *1", more / 1024))?;
    }
    Ok(())
}

fn declared_lengths(site: &Site) -> Outcome {
    let before = site.resident_bytes()?;
    let mut wires = Vec::new();
    for _ in 0..100 {
        let mut wire = site.wire()?;
        wire.send(b"*2\r\n$3\r\nGET\r\n$536870912\r\n");
        wires.push(wire);
    }
    for _ in 0..10 {
        wires.iter_mut().for_each(|wire| wire.send(b"x"));
        std::thread::sleep(Duration::from_millis(10));
    }
    let growth = site.resident_bytes()?.saturating_sub(before);
    ensure(growth <= 8 * 1024 * 1024, || format!("100 connections that sent 40 bytes cost {} KiB", growth / 1024))
}

fn many_arguments(site: &Site) -> Outcome {
    const NAMES: usize = 1000;
    let probe = Probe::start(site)?;
    let names: Vec<Vec<u8>> = (0..NAMES).map(|number| format!("m{number}").into_bytes()).collect();
    let attack = |command: &[u8], count: usize| -> Result<Reply, Fault> {
        let mut parts: Vec<&[u8]> = vec![command];
        parts.extend((0..count).map(|index| names[index % NAMES].as_slice()));
        let mut wire = site.wire()?;
        wire.send(&request(&parts));
        wire.reply()
    };
    let stored = attack(b"MSET", 1_000_000);
    let counted = attack(b"EXISTS", 1_000_000);
    let deleted = attack(b"DEL", 1_000_000);
    let p99 = probe.finish()?;
    // Any error would do as well, if it is one.
    for (reply, usual) in [(stored?, Reply::Simple(b"OK".to_vec())), (deleted?, Reply::Integer(500))] {
        ensure(reply == usual || matches!(reply, Reply::Error(_)), || format!("got {reply:?}"))?;
    }
    ensure(matches!(counted?, Reply::Integer(_) | Reply::Error(_)), || "EXISTS".to_owned())?;
    ensure(p99 <= HEALTHY_P99, || format!("others waited {p99:?} at p99"))
}

fn slow_readers(site: &Site) -> Outcome {
    const VALUE_BYTES: usize = 1024 * 1024;
    const CLIENTS: usize = 10;
    const GETS: usize = 10_000;
    site.client()?.call(&[&b"SET"[..], b"abuse:large", &vec![b'x'; VALUE_BYTES]])?;
    let before = site.resident_bytes()?;
    let probe = Probe::start(site)?;
    let mut wires = Vec::new();
    for _ in 0..CLIENTS {
        let mut wire = site.wire()?;
        let gets = words("GET abuse:large").repeat(100);
        wire.flood(&gets, gets.len() * GETS / 100, Duration::from_millis(100))?;
        wires.push(wire);
    }
    std::thread::sleep(SETTLE);
    let growth = site.resident_bytes()?.saturating_sub(before);
    let p99 = probe.finish()?;
    drop(wires);
    site.call("DEL abuse:large")?;
    ensure(growth <= 48 << 20, || format!("{CLIENTS} slow readers cost {} MiB", growth >> 20))?;
    ensure(p99 <= HEALTHY_P99, || format!("others waited {p99:?} at p99"))
}

fn unread_refusals(site: &Site) -> Outcome {
    const CLIENTS: usize = 40;
    /// Bytes one attacker tries to send: far more than the sockets between hold.
    const MOST_BYTES: usize = 32 * 1024 * 1024;
    /// What the server may hold of replies for one of them, and its share of everything else.
    const EACH_BYTES: u64 = 64 * 1024 + 32 * 1024;
    /// What a fresh server takes for its first clients, whoever they are.
    const FIRST_BYTES: u64 = 4 * 1024 * 1024;
    let before = site.resident_bytes()?;
    let probe = Probe::start(site)?;
    let mut wires = Vec::new();
    let mut stopped = 0;
    for number in 0..CLIENTS {
        let mut wire = site.wire()?;
        let chunk = [&b"a\n"[..], b"PING\n", b"HELLO\n"][number % 3].repeat(8 * 1024);
        let sent = wire.flood(&chunk, MOST_BYTES, Duration::from_millis(30))?;
        stopped += usize::from(sent < MOST_BYTES);
        wires.push(wire);
    }
    let growth = site.resident_bytes()?.saturating_sub(before);
    let p99 = probe.finish()?;
    drop(wires);
    ensure(stopped == CLIENTS, || format!("the server read all of {} floods", CLIENTS - stopped))?;
    let bound = EACH_BYTES * CLIENTS as u64 + FIRST_BYTES;
    ensure(growth <= bound, || format!("{CLIENTS} strangers cost {} KiB", growth / 1024))?;
    ensure(p99 <= HEALTHY_P99, || format!("others waited {p99:?} at p99"))?;
    // The one who knows the password still gets in.
    let mut wire = site.wire()?;
    wire.send(&request(&[b"AUTH", PASSWORD.as_bytes()]));
    wire.expect(b"+OK\r\n")
}

fn errors_in_a_loop(site: &Site) -> Outcome {
    const CONNECTIONS: usize = 2000;
    let idle = Probe::start(site)?;
    std::thread::sleep(SETTLE);
    let idle = idle.finish()?;
    let probe = Probe::start(site)?;
    for number in 0..CONNECTIONS {
        let mut wire: Wire = site.wire()?;
        wire.send([&b"*abc\r\n"[..], b"*1\r\n$-1\r\n", b"*1\r\nfoo\r\n", b"\"\r\n"][number % 4]);
        ensure(!wire.rest()?.is_empty(), || "closed without its error".to_owned())?;
    }
    let beside = probe.finish()?;
    // Three times as long as alone; below a millisecond the scheduler decides, not the server.
    let bound = (3 * idle).max(Duration::from_millis(5));
    ensure(beside <= bound, || format!("others waited {beside:?} at p99, {idle:?} when idle"))
}
