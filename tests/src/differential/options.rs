//! What `differential` is told on its command line.

use super::plant::{self, Plant};

/// Commands of a run unless it is told otherwise.
const COMMANDS: usize = 20_000;
/// Connections of a round, at most.
const CONNECTIONS: usize = 3;
/// Different differences after which a run stops.
const FAILURES: usize = 10;

/// How the program is called.
pub const USAGE: &str = "differential [--seed N] [--commands N] [--connections N] [--round N] [--failures N] [--hits]
             [--only NAME,…] [--without NAME,…] [--self] [--plant NAME] [--canary]
  --seed N        the same commands again; a random one is chosen and printed otherwise
  --round N       only this round of the seed
  --only NAME,…   generates these commands alone, as get or object|encoding
  --without NAME,…  generates all but these
  --failures N    stops after so many different differences
  --hits          prints how often each command was compared
  --self          redis-server against itself: must find nothing
  --plant NAME    puts a bug in front of the candidate
  --canary        finds and shrinks every planted bug, redis-server against itself";

/// The options of a run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the random numbers start.
    pub seed: u64,
    /// Commands to send.
    pub commands: usize,
    /// Most connections of a round.
    pub connections: usize,
    /// The only round to play.
    pub round: Option<u64>,
    /// Different differences after which the run stops.
    pub failures: usize,
    /// Whether to print the counts of commands.
    pub hits: bool,
    /// The commands to generate, if not all.
    pub only: Vec<String>,
    /// Commands not to generate.
    pub without: Vec<String>,
    /// redis-server takes both parts.
    pub against_itself: bool,
    /// A bug on purpose.
    pub plant: Option<&'static Plant>,
    /// Finds all planted bugs.
    pub canary: bool,
}

impl Options {
    /// Reads the words behind the program's name; `seed` is for when they name none.
    ///
    /// # Errors
    /// What cannot be understood.
    pub fn parse(mut words: impl Iterator<Item = String>, seed: u64) -> Result<Self, String> {
        let mut options = Self::with_seed(seed);
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word} needs a value"));
            match word.as_str() {
                "--seed" => options.seed = number(&value()?)?,
                "--commands" => options.commands = number(&value()?)?,
                "--connections" => options.connections = number::<usize>(&value()?)?.clamp(1, 100),
                "--round" => options.round = Some(number(&value()?)?),
                "--failures" => options.failures = number::<usize>(&value()?)?.max(1),
                "--hits" => options.hits = true,
                "--only" => options.only = list(&value()?),
                "--without" => options.without = list(&value()?),
                "--self" => options.against_itself = true,
                "--canary" => (options.canary, options.against_itself) = (true, true),
                "--plant" => {
                    let name = value()?;
                    options.plant = Some(plant::find(&name).ok_or(format!("no plant {name}"))?);
                }
                _ => return Err(format!("unknown argument {word}")),
            }
        }
        Ok(options)
    }

    fn with_seed(seed: u64) -> Self {
        Self {
            seed,
            commands: COMMANDS,
            connections: CONNECTIONS,
            round: None,
            failures: FAILURES,
            hits: false,
            only: Vec::new(),
            without: Vec::new(),
            against_itself: false,
            plant: None,
            canary: false,
        }
    }

    /// The command that plays one round again.
    pub fn replay(&self, round: u64) -> String {
        let mut line = format!("cargo run --release -p larder-tests --bin differential -- --seed {}", self.seed);
        line.push_str(&format!(" --round {round} --connections {}", self.connections));
        for (name, names) in [("--only", &self.only), ("--without", &self.without)] {
            if !names.is_empty() {
                line.push_str(&format!(" {name} '{}'", names.join(",")));
            }
        }
        if self.against_itself {
            line.push_str(" --self");
        }
        if let Some(plant) = self.plant {
            line.push_str(&format!(" --plant {}", plant.name));
        }
        line
    }
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("not a number: {text}"))
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::to_ascii_lowercase).collect()
}
