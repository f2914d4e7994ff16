//! A keyspace small enough to be compared after every record: counters, some of which expire.
//!
//! It carries out the records of the log as a server would, so that replaying the wrong ones, or in another order, or
//! at another time, or half a transaction, gives another state.

use std::collections::BTreeMap;
use std::fmt::Write;

use larder_core::store::record::Change;

/// Keys with their values and deadlines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Model {
    keys: BTreeMap<String, (i64, Option<u64>)>,
}

impl Model {
    /// Carries out a change. The error says what in it is not understood.
    pub fn apply(&mut self, change: &Change<'_>) -> Result<(), String> {
        let now_ms = change.now_us / 1000;
        self.keys.retain(|_, (_, deadline)| deadline.is_none_or(|deadline| deadline > now_ms));
        let text = std::str::from_utf8(change.requests).map_err(|_| "a request is no text".to_owned())?;
        let mut lines = text.split("\r\n");
        loop {
            let head = match lines.next() {
                None | Some("") => return Ok(()),
                Some(head) => head,
            };
            let count = head.strip_prefix('*').and_then(|count| count.parse::<usize>().ok());
            let count = count.filter(|count| *count < 9).ok_or_else(|| format!("{head:?} begins no request"))?;
            // Lines of lengths stand between the words.
            let words: Vec<&str> = lines.by_ref().take(count * 2).skip(1).step_by(2).collect();
            self.run(&words, now_ms).ok_or_else(|| format!("the request {words:?} is not understood"))?;
        }
    }

    fn run(&mut self, words: &[&str], now_ms: u64) -> Option<()> {
        match *words {
            ["INCRBY", key, by] => {
                let (value, _) = self.keys.entry(key.to_owned()).or_default();
                *value += by.parse::<i64>().ok()?;
            }
            ["SET", key, value, "PX", ttl_ms] => {
                let deadline = now_ms + ttl_ms.parse::<u64>().ok()?;
                self.keys.insert(key.to_owned(), (value.parse().ok()?, Some(deadline)));
            }
            ["DEL", key] => {
                self.keys.remove(key);
            }
            _ => return None,
        }
        Some(())
    }

    /// The state as a snapshot.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = String::new();
        for (key, (value, deadline)) in &self.keys {
            let deadline = deadline.map_or_else(|| "-".to_owned(), |deadline| deadline.to_string());
            writeln!(text, "{key} {value} {deadline}").expect("a String takes everything");
        }
        text.into_bytes()
    }

    /// Reads a snapshot; what follows a zero byte is padding.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes.split(|byte| *byte == 0).next()?).ok()?;
        let mut keys = BTreeMap::new();
        for line in text.lines() {
            let [key, value, deadline] = line.split(' ').collect::<Vec<_>>().try_into().ok()?;
            let deadline = match deadline {
                "-" => None,
                deadline => Some(deadline.parse().ok()?),
            };
            keys.insert(key.to_owned(), (value.parse().ok()?, deadline));
        }
        Some(Self { keys })
    }

    /// A number for the state.
    pub fn digest(&self) -> u64 {
        // FNV-1a: fast enough, and a difference in states is never small here.
        self.to_bytes()
            .iter()
            .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
    }
}
