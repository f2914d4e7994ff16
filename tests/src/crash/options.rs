//! What `crash` is told on its command line.

/// Lives of a run unless it is told otherwise.
const LIVES: u32 = 300;

/// More lives than this are a slip of the finger.
const MAX_LIVES: u32 = 1_000_000;

/// How the program is called.
pub const USAGE: &str = "\
crash kill [--n N] [--policy everysec|always|no] [--seed S] [--server larder|redis] [--with NAME=VALUE …]

Writes to a server, ends it by SIGKILL (now and then by SIGTERM), starts it again and compares, N times.
  --n N        lives, each of which ends under load (default 300)
  --policy     appendfsync of the child (default everysec)
  --seed S     the same choices again; a random one is chosen and printed otherwise
  --server     redis is Debian's redis-server with appendonly yes: its losses are counted, not failed
  --with       another directive for the child
LARDER_BIN names another larder binary than target/release/larder.";

/// The server that is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerKind {
    /// The binary under test.
    Larder,
    /// Debian's redis-server, for comparison.
    Redis,
}

impl ServerKind {
    /// As the command line names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Larder => "larder",
            Self::Redis => "redis",
        }
    }
}

/// The options of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Lives, each of which ends under load.
    pub lives: u32,
    /// The child's `appendfsync`.
    pub policy: String,
    /// Where the random numbers start.
    pub seed: u64,
    /// The child.
    pub server: ServerKind,
    /// Further directives of the child: names and values.
    pub directives: Vec<(String, String)>,
}

impl Options {
    /// Reads the words behind the program's name; `seed` is for when they name none.
    ///
    /// # Errors
    /// What cannot be understood.
    pub fn parse(mut words: impl Iterator<Item = String>, seed: u64) -> Result<Self, String> {
        match words.next().as_deref() {
            Some("kill") => {}
            Some(other) => return Err(format!("unknown command {other}")),
            None => return Err("a command is missing".to_owned()),
        }
        let policy = "everysec".to_owned();
        let mut options = Self { lives: LIVES, policy, seed, server: ServerKind::Larder, directives: Vec::new() };
        while let Some(word) = words.next() {
            let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
            match word.as_str() {
                "--n" => options.lives = number(&value)?,
                "--seed" => options.seed = number(&value)?,
                "--policy" if ["everysec", "always", "no"].contains(&value.as_str()) => options.policy = value,
                "--server" if value == "larder" => options.server = ServerKind::Larder,
                "--server" if value == "redis" => options.server = ServerKind::Redis,
                "--with" => {
                    let (name, value) = value.split_once('=').ok_or("--with needs NAME=VALUE")?;
                    options.directives.push((name.to_owned(), value.to_owned()));
                }
                _ => return Err(format!("not understood: {word} {value}")),
            }
        }
        if options.lives == 0 || options.lives > MAX_LIVES {
            return Err(format!("--n must be 1 to {MAX_LIVES}"));
        }
        Ok(options)
    }

    /// The command that lives the first lives of a seed again.
    pub fn replay(&self, seed: u64, lives: u32) -> String {
        let mut line = format!("crash kill --n {lives} --policy {} --seed {seed}", self.policy);
        if self.server == ServerKind::Redis {
            line.push_str(" --server redis");
        }
        for (name, value) in &self.directives {
            line.push_str(&format!(" --with {name}={value}"));
        }
        line
    }
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("not a number: {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, String> {
        Options::parse(line.split_whitespace().map(str::to_owned), 9)
    }

    #[test]
    fn a_replay_is_the_same_run() {
        let options = parse("kill --n 7 --policy always --seed 3 --server redis --with segment-bytes=64kb").unwrap();
        let replay = options.replay(3, 7);
        assert_eq!(parse(replay.strip_prefix("crash ").unwrap()), Ok(options));
    }

    #[test]
    fn mistakes_are_told() {
        assert_eq!(parse("kill").unwrap().seed, 9);
        for line in ["", "power", "kill --n", "kill --n 0", "kill --policy sometimes", "kill --with x", "kill --x 1"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
