//! Random requests of every command from several clients: plans name all shards they use, memory is accounted to the
//! byte, no watched change goes unseen, and nothing a client leaves behind stays.

use larder_core::command::syntax::{Argument, Kind, arguments};
use larder_core::command::{Command, CommandId, registry};
use larder_core::hash::Random;
use larder_core::keyspace::entry::Entry;
use larder_core::resp::Value;

use crate::harness::{START_MS, Server};

const CLIENTS: usize = 3;
const STEPS: usize = 6000;

/// Offsets reach as far as the longest string, which must not fill the machine.
const STRING_BYTES: u64 = 1 << 20;

const KEYS: [&str; 12] = ["", "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"];

const NUMBERS: [&str; 20] = [
    "0",
    "1",
    "2",
    "3",
    "-1",
    "-2",
    "7",
    "64",
    "1000",
    "70000",
    "8388607",
    "8388608",
    "4294967296",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "18446744073709551615",
    "x",
    "",
    "01",
];

const TEXTS: [&str; 24] = [
    "",
    "x",
    "10",
    "-3",
    "1.5",
    "1e4000",
    "inf",
    "nan",
    "u8",
    "i64",
    "u63",
    "#1",
    "#9223372036854775807",
    "*",
    "[a-",
    "\\",
    "yes",
    "on",
    "maxmemory",
    "ffffffffffffffff",
    "a|b",
    "default",
    "127.0.0.1:2",
    "\r\n",
];

/// Requests that no syntax gives.
const LINES: [&str; 9] = [
    "CLIENT REPLY ON",
    "DEBUG DIGEST",
    "DEBUG DIGEST-VALUE a b c",
    "DEBUG OBJECT a",
    "DEBUG SLEEP 1e300",
    "DEBUG PROTOCOL map",
    "DEBUG NOSUCH",
    "NOSUCH a b",
    "SELECT 0",
];

/// Requests that matter to WATCH, which chance alone would seldom bring together.
const WATCHED: [&str; 30] = [
    "WATCH a",
    "WATCH b",
    "WATCH c",
    "WATCH a b c",
    "MULTI",
    "MULTI",
    "MULTI",
    "EXEC",
    "PING",
    "SET a 1",
    "SET a 1",
    "DEL b",
    "SELECT 0",
    "SELECT 0",
    "SELECT 1",
    "PEXPIRE a 5",
    "PEXPIRE b 20",
    "SWAPDB 0 1",
    "FLUSHDB",
    "FLUSHALL",
    "SET c 5 PX 10",
    "SET b 2 PX 3",
    "GETEX a PERSIST",
    "RENAME a b",
    "COPY b c REPLACE",
    "MOVE c 1",
    "SETBIT a 3 1",
    "APPEND b x",
    "SET b same",
    "DISCARD",
];

struct Maker {
    random: Random,
    /// Every so many requests is a line; the others are made from the syntax of a command.
    one_line_in: usize,
}

impl Maker {
    fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.random.next_u64()) * bound as u128) >> 64) as usize
    }

    fn one_in(&mut self, chance: usize) -> bool {
        self.below(chance) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn request(&mut self) -> Vec<Vec<u8>> {
        let lines = if self.one_in(2) { &WATCHED[..] } else { &LINES[..] };
        if self.one_in(self.one_line_in) {
            return self.pick(lines).split(' ').map(Vec::from).collect();
        }
        let all = registry().len();
        let id = CommandId::from_index(self.below(all)).expect("a place in the registry");
        let mut words: Vec<Vec<u8>> = id.full_name().split('|').map(Vec::from).collect();
        let row: &Command = id.row();
        for argument in arguments(row).expect("rows have a syntax that parses") {
            self.argument(&argument, &mut words);
        }
        // Requests that are nearly right reach other places.
        if self.one_in(8) && words.len() > 1 {
            let place = 1 + self.below(words.len() - 1);
            match self.below(3) {
                0 => drop(words.remove(place)),
                1 => words[place] = self.pick(&NUMBERS).into(),
                _ => words.insert(place, self.pick(&TEXTS).into()),
            }
        }
        words
    }

    fn argument(&mut self, argument: &Argument, words: &mut Vec<Vec<u8>>) {
        if argument.optional && self.one_in(2) {
            return;
        }
        let times = if argument.multiple { 1 + self.below(4) } else { 1 };
        for time in 0..times {
            if time == 0 || argument.multiple_token {
                words.extend(argument.token.as_ref().map(|token| token.clone().into_bytes()));
            }
            match &argument.kind {
                Kind::PureToken => {}
                Kind::Key => words.push(self.pick(&KEYS).into()),
                Kind::Integer | Kind::Double => words.push(self.pick(&NUMBERS).into()),
                Kind::UnixTime => words.push(self.time()),
                Kind::String | Kind::Pattern => words.push(self.text()),
                Kind::OneOf(choices) => {
                    let choice = self.below(choices.len());
                    self.argument(&choices[choice], words);
                }
                Kind::Block(parts) => parts.iter().for_each(|part| self.argument(part, words)),
            }
        }
    }

    fn time(&mut self) -> Vec<u8> {
        let near = START_MS + self.below(5000) as u64;
        match self.below(3) {
            0 => self.pick(&NUMBERS).into(),
            1 => near.to_string().into(),
            _ => (near / 1000 + 1).to_string().into(),
        }
    }

    fn text(&mut self) -> Vec<u8> {
        match self.below(4) {
            0 => self.pick(&NUMBERS).into(),
            1 => vec![b'v'; self.below(200)],
            2 => vec![0xff; self.below(3)],
            _ => self.pick(&TEXTS).into(),
        }
    }
}

/// What a client saw of a key when it began to watch it: its value and expiry.
type Seen = ((u16, Box<[u8]>), Option<(String, Option<u64>)>);

fn seen(entry: &Entry) -> (String, Option<u64>) {
    (format!("{:?}", entry.value()), entry.deadline_ms())
}

fn check_memory(server: &Server) {
    for shard in &server.shards {
        let databases = || (0..shard.databases()).map(|db| shard.database(db));
        let entries: usize = databases().flat_map(|table| table.iter()).map(Entry::heap_bytes).sum();
        let tables: usize = databases().map(|table| table.heap_bytes()).sum();
        assert_eq!(shard.heap_bytes(), entries + tables);
    }
}

#[test]
fn plans_name_what_is_used_memory_adds_up_and_watches_see_all() {
    let rounds = [(1, 5), (2, 5), (3, 5), (4, 1), (5, 1), (6, 1)];
    let committed: usize = rounds
        .into_iter()
        .map(|(seed, one_line_in)| {
            // Shown if the test fails.
            println!("seed {seed}, one line in {one_line_in}");
            run(Maker { random: Random::new(seed), one_line_in })
        })
        .sum();
    assert!(committed > 50, "watching transactions must succeed at times: {committed}");
}

/// Answers how many transactions that watched keys ran.
fn run(mut maker: Maker) -> usize {
    let mut server = Server::with_clients(CLIENTS);
    server.settings.proto_max_bulk_len_bytes = STRING_BYTES;
    let mut watching: Vec<Vec<Seen>> = vec![Vec::new(); CLIENTS];
    let mut committed = 0;
    for step in 0..STEPS {
        // Now and then the clock jumps back.
        let jump = maker.pick(&[0, 0, 0, 1, 3, 10, 40, -60]);
        server.now_ms = server.now_ms.saturating_add_signed(jump);
        let client = maker.below(CLIENTS);
        let queued = server.sessions[client].transaction.as_ref().map_or(0, |transaction| transaction.queue.len());
        // Long transactions hardly ever run: a word that is wrong ends them.
        let request = if maker.below(3) < queued { vec![b"EXEC".to_vec()] } else { maker.request() };
        let id = server.sessions[client].id;
        let differs =
            watching[client].iter().any(|((db, key), before)| server.live_entry(*db, key).map(seen) != *before);
        let was_open = server.sessions[client].transaction.is_some();
        let reply = server.run_as(client, &request);
        let is_exec = request.len() == 1 && request[0].eq_ignore_ascii_case(b"EXEC");
        if is_exec && was_open && matches!(reply, Some(Value::Array(_))) {
            assert!(!differs, "EXEC ran although a watched key had changed: step {step}");
            committed += usize::from(!watching[client].is_empty());
        }
        let session = &server.sessions[client];
        let is_gone = |watched: &Seen| !session.watched.contains_key(&watched.0) || session.id != id;
        if is_exec || watching[client].iter().any(is_gone) {
            watching[client].clear();
        }
        for name in session.watched.keys() {
            if !watching[client].iter().any(|(known, _)| known == name) {
                watching[client].push((name.clone(), server.live_entry(name.0, &name.1).map(seen)));
            }
        }
        if maker.one_in(16) {
            let shard = maker.below(server.shards.len());
            server.shards[shard].tick(server.now_ms);
        }
        if step % 32 == 0 {
            check_memory(&server);
        }
    }
    (0..CLIENTS).for_each(|client| server.close(client));
    check_memory(&server);
    let left: usize = server.shards.iter().map(|shard| shard.watched_keys()).sum();
    assert_eq!(left, 0, "watches stay behind");
    committed
}
