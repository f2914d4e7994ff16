//! Values go from redis-server to Larder and back as payloads of DUMP, all types and encodings, and stay the same.
//! Needs Debian's redis-server, which `tests/tools` installs.

use larder_core::engine::Engine;
use larder_core::hash::Random;
use larder_core::session::ClientId;
use larder_tests::resp::{Connection, Reply, decode, encode_command};
use larder_tests::servers::Server;

const NOW_MS: u64 = 1_700_000_000_000;
/// Values of each type.
const ROUNDS: u64 = 12;

type Words = Vec<Vec<u8>>;

/// Both ends of the exchange.
struct Ends {
    engine: Engine,
    client: ClientId,
    redis: Connection,
}

impl Ends {
    fn larder(&mut self, words: &[Vec<u8>]) -> Reply {
        let (mut request, mut out) = (Vec::new(), Vec::new());
        encode_command(words, &mut request);
        self.engine.exec(self.client, &request, NOW_MS, &mut out);
        decode(&out).expect("RESP").expect("a whole reply").0
    }

    fn redis(&mut self, words: &[Vec<u8>]) -> Reply {
        self.redis.call(words).expect("redis-server answers")
    }
}

fn words(line: &str) -> Words {
    line.split(' ').map(|word| word.as_bytes().to_vec()).collect()
}

/// Integers of all widths, short and long texts, texts that compress.
fn word(random: &mut Random) -> Vec<u8> {
    let bits = random.next_u64();
    match bits % 8 {
        0 => ((bits >> 8) as i64 >> (bits >> 3 & 63)).to_string().into_bytes(),
        1 => (bits >> 40).to_string().into_bytes(),
        2 => vec![b'a' + (bits >> 8 & 1) as u8; (bits >> 16 & 127) as usize],
        3 if bits >> 8 & 15 == 0 => (0..4000).map(|_| random.next_u64() as u8).collect(),
        _ => format!("word:{}", bits >> 48).into_bytes(),
    }
}

/// Commands that make a value under `k`, and one that reads it.
fn recipe(kind: &str, random: &mut Random) -> (Vec<Words>, &'static str) {
    let count = [3, 20, 140, 600][(random.next_u64() % 4) as usize];
    let mut commands = Vec::new();
    let mut command = |name: &str, rest: Words| {
        let mut all = words(name);
        all.extend(rest);
        commands.push(all);
    };
    let read = match kind {
        "string" => {
            command("SET k", vec![word(random)]);
            "GET k"
        }
        "list" => {
            (0..count).for_each(|_| command("RPUSH k", vec![word(random)]));
            "LRANGE k 0 -1"
        }
        "set" => {
            (0..count).for_each(|_| command("SADD k", vec![word(random)]));
            "SMEMBERS k"
        }
        "intset" => {
            (0..count).for_each(|_| command("SADD k", vec![(random.next_u64() as i64 >> 20).to_string().into_bytes()]));
            "SMEMBERS k"
        }
        "hash" => {
            (0..count).for_each(|_| command("HSET k", vec![word(random), word(random)]));
            "HGETALL k"
        }
        "zset" => {
            for _ in 0..count {
                let score = (random.next_u64() as i64 >> 44) as f64 / 16.0;
                command("ZADD k", vec![score.to_string().into_bytes(), word(random)]);
            }
            "ZRANGE k 0 -1 WITHSCORES"
        }
        _ => {
            for number in 1..=count {
                let name = if number % 5 == 0 { word(random) } else { b"name".to_vec() };
                let id = format!("{}-{number}", number / 3);
                command("XADD k", vec![id.into_bytes(), name, word(random), b"other".to_vec(), word(random)]);
            }
            command("XDEL k 0-2 1-3", vec![]);
            command("XGROUP CREATE k group 0", vec![]);
            command("XREADGROUP GROUP group alice COUNT 2 STREAMS k >", vec![]);
            "XRANGE k - +"
        }
    };
    (commands, read)
}

/// Sets and hashes have no order.
fn comparable(kind: &str, reply: Reply) -> String {
    let mut parts: Vec<String> = match reply {
        Reply::Array(parts) if kind == "hash" => parts.chunks(2).map(|pair| format!("{pair:?}")).collect(),
        Reply::Array(parts) => parts.iter().map(|part| format!("{part:?}")).collect(),
        other => vec![format!("{other:?}")],
    };
    if matches!(kind, "hash" | "set" | "intset") {
        parts.sort();
    }
    parts.join("\n")
}

fn payload(reply: Reply) -> Vec<u8> {
    let Reply::Bulk(payload) = reply else { panic!("DUMP answers {reply:?}") };
    payload
}

#[test]
fn values_go_there_and_back() {
    let server = Server::redis(&[]);
    let redis = Connection::open(server.resp()).expect("redis-server accepts");
    let mut engine = Engine::new(3, NOW_MS);
    let client = engine.open(NOW_MS);
    let mut ends = Ends { engine, client, redis };
    ends.larder(&words("CONFIG SET rdb-version 10"));
    for kind in ["string", "list", "set", "intset", "hash", "zset", "stream"] {
        for round in 0..ROUNDS {
            let (commands, read) = recipe(kind, &mut Random::new(round));
            let read = words(read);
            for command in &commands {
                ends.redis(command);
                ends.larder(command);
            }
            let expected = comparable(kind, ends.redis(&read));
            let mut restore = words("RESTORE k 0 payload REPLACE");

            // Larder's own value first: RESTORE then takes its place.
            restore[3] = payload(ends.larder(&words("DUMP k")));
            let there = payload(ends.redis(&words("DUMP k")));
            assert_eq!(ends.redis(&restore), Reply::Simple(b"OK".to_vec()), "{kind} {round}: to redis-server");
            assert!(comparable(kind, ends.redis(&read)) == expected, "{kind} {round}: to redis-server");

            restore[3] = there;
            assert_eq!(ends.larder(&restore), Reply::Simple(b"OK".to_vec()), "{kind} {round}: to Larder");
            assert!(comparable(kind, ends.larder(&read)) == expected, "{kind} {round}: to Larder");
            ends.redis(&words("DEL k"));
            ends.larder(&words("DEL k"));
        }
    }
}
