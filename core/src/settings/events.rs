//! Which keyspace events are published.

use super::kind::{Kind, Value};

/// The event classes that `A` stands for, with their letters, in the order of the answer.
const CLASSES: [(char, u32); 10] = [
    ('g', KeyspaceEvents::GENERIC),
    ('$', KeyspaceEvents::STRING),
    ('l', KeyspaceEvents::LIST),
    ('s', KeyspaceEvents::SET),
    ('h', KeyspaceEvents::HASH),
    ('z', KeyspaceEvents::SORTED_SET),
    ('x', KeyspaceEvents::EXPIRED),
    ('e', KeyspaceEvents::EVICTED),
    ('t', KeyspaceEvents::STREAM),
    ('d', KeyspaceEvents::MODULE),
];
/// Letters outside `A`.
const OTHERS: [(char, u32); 4] = [
    ('n', KeyspaceEvents::NEW_KEY),
    ('K', KeyspaceEvents::KEYSPACE),
    ('E', KeyspaceEvents::KEYEVENT),
    ('m', KeyspaceEvents::KEY_MISS),
];

/// A set of event classes and of the two channel forms. Letters: the Redis page on keyspace notifications.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyspaceEvents(u32);

impl KeyspaceEvents {
    /// `K`: publish on `__keyspace@<db>__:<key>`.
    pub const KEYSPACE: u32 = 1;
    /// `E`: publish on `__keyevent@<db>__:<event>`.
    pub const KEYEVENT: u32 = 1 << 1;
    /// `g`: commands for any type, such as DEL and EXPIRE.
    pub const GENERIC: u32 = 1 << 2;
    /// `$`: string commands.
    pub const STRING: u32 = 1 << 3;
    /// `l`: list commands.
    pub const LIST: u32 = 1 << 4;
    /// `s`: set commands.
    pub const SET: u32 = 1 << 5;
    /// `h`: hash commands.
    pub const HASH: u32 = 1 << 6;
    /// `z`: sorted set commands.
    pub const SORTED_SET: u32 = 1 << 7;
    /// `x`: a key expired.
    pub const EXPIRED: u32 = 1 << 8;
    /// `e`: a key was evicted.
    pub const EVICTED: u32 = 1 << 9;
    /// `t`: stream commands.
    pub const STREAM: u32 = 1 << 10;
    /// `m`: a key was not found.
    pub const KEY_MISS: u32 = 1 << 11;
    /// `d`: events of modules.
    pub const MODULE: u32 = 1 << 12;
    /// `n`: a key was created.
    pub const NEW_KEY: u32 = 1 << 13;

    /// Whether any of these classes or forms is on.
    pub fn has(self, mask: u32) -> bool {
        self.0 & mask != 0
    }

    /// The set as bits of the constants above.
    pub fn bits(self) -> u32 {
        self.0
    }
}

/// All classes that `A` stands for.
fn all_classes() -> u32 {
    CLASSES.iter().fold(0, |bits, (_, bit)| bits | bit)
}

impl Value for KeyspaceEvents {
    fn text(&self) -> String {
        let chosen = |(_, bit): &&(char, u32)| self.has(*bit);
        let mut text = String::new();
        if self.0 & all_classes() == all_classes() {
            text.push('A');
        } else {
            text.extend(CLASSES.iter().filter(chosen).map(|(letter, _)| letter));
        }
        text.extend(OTHERS.iter().filter(chosen).map(|(letter, _)| letter));
        text
    }

    fn assign(&mut self, text: &str, _: Kind) -> Result<(), String> {
        let mut bits = 0;
        for letter in text.chars() {
            let known = CLASSES.iter().chain(&OTHERS).find(|(known, _)| *known == letter);
            bits |= match known {
                Some((_, bit)) => *bit,
                None if letter == 'A' => all_classes(),
                None => {
                    return Err("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.".to_owned());
                }
            };
        }
        self.0 = bits;
        Ok(())
    }

    #[cfg(feature = "config-file")]
    fn lines(&self, _: Kind) -> Vec<String> {
        vec![super::line::quote(self.text().as_bytes())]
    }
}
