//! What a parameter accepts, and how it is read and shown.

/// The largest signed 32-bit value: the upper bound Redis gives most counts.
pub const INT_MAX: i64 = i32::MAX as i64;

/// What values a parameter accepts. Bounds are inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `yes` or `no`.
    Bool,
    /// A decimal integer.
    Integer {
        /// Smallest value.
        min: i64,
        /// Largest value.
        max: i64,
    },
    /// A non-negative integer that is moved into the range instead of refused.
    Clamped {
        /// Smallest value kept.
        min: i64,
        /// Largest value kept.
        max: i64,
    },
    /// A number of bytes with an optional unit: `100`, `1k` (1000), `1kb` (1024), `1m`, `1mb`, `1g`, `1gb`.
    Bytes {
        /// Smallest number of bytes.
        min: u64,
        /// Largest number of bytes.
        max: u64,
    },
    /// A number of bytes, or a share of maxmemory such as `5%`.
    BytesOrPercent,
    /// A file mode in octal, at most 777.
    Octal,
    /// One of these words, in any case.
    Enum(&'static [&'static str]),
    /// Any UTF-8 text in one word.
    Text,
    /// A file name without a directory.
    FileName,
    /// Addresses separated by spaces.
    Addresses,
    /// Pairs of seconds and changes, or nothing.
    SavePoints,
    /// Groups of class, hard bytes, soft bytes and soft seconds.
    OutputLimits,
    /// Letters that select keyspace events.
    KeyspaceEvents,
    /// Percentages from 0 to 100, or nothing.
    Percentiles,
}

impl Kind {
    /// Whether a directive may give the value as several words.
    pub fn takes_many_words(self) -> bool {
        matches!(self, Kind::Addresses | Kind::SavePoints | Kind::OutputLimits | Kind::Percentiles)
    }
}

/// A typed value that a parameter can hold.
pub(super) trait Value {
    /// The text that CONFIG GET answers.
    fn text(&self) -> String;

    /// Replaces the value, or says why not in Redis's words and leaves it alone.
    fn assign(&mut self, text: &str, kind: Kind) -> Result<(), String>;

    /// The value part of each line that CONFIG REWRITE writes.
    #[cfg(feature = "config-file")]
    fn lines(&self, kind: Kind) -> Vec<String> {
        let text = self.text();
        vec![match kind {
            Kind::Bytes { .. } => text.parse().map_or(text, bytes_text),
            Kind::Text | Kind::FileName => super::line::quote(text.as_bytes()),
            _ => text,
        }]
    }
}

/// Reads a decimal integer as strictly as Redis: no sign `+`, no leading zero, no blank.
pub(super) fn integer(text: &str) -> Result<i64, String> {
    text.parse::<i64>()
        .ok()
        .filter(|number| itoa::Buffer::new().format(*number) == text)
        .ok_or_else(|| "argument couldn't be parsed into an integer".to_owned())
}

/// The units of a number of bytes.
const UNITS: [(&str, u64); 8] = [
    ("", 1),
    ("b", 1),
    ("k", 1000),
    ("kb", 1 << 10),
    ("m", 1_000_000),
    ("mb", 1 << 20),
    ("g", 1_000_000_000),
    ("gb", 1 << 30),
];

/// Reads a number of bytes with an optional unit. Overflow is refused, where Redis wraps.
pub(crate) fn bytes(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let is_unit = |(known, _): &&(&str, u64)| unit.eq_ignore_ascii_case(known);
    let (_, factor) = *UNITS.iter().find(is_unit)?;
    if text.is_empty() {
        // CONFIG SET maxmemory "" turns a limit off.
        return Some(0);
    }
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// Writes a number of bytes with the largest binary unit that divides it.
#[cfg(feature = "config-file")]
pub(super) fn bytes_text(bytes: u64) -> String {
    for (shift, unit) in [(30, "gb"), (20, "mb"), (10, "kb")] {
        if bytes > 0 && bytes.trailing_zeros() >= shift {
            return format!("{}{unit}", bytes >> shift);
        }
    }
    bytes.to_string()
}

/// The reason for a value outside its range.
fn out_of_range(min: i128, max: i128) -> String {
    format!("argument must be between {min} and {max} inclusive")
}

impl Value for bool {
    fn text(&self) -> String {
        if *self { "yes" } else { "no" }.to_owned()
    }

    fn assign(&mut self, text: &str, _: Kind) -> Result<(), String> {
        let is = |word: &str| text.eq_ignore_ascii_case(word);
        if !is("yes") && !is("no") {
            return Err("argument must be 'yes' or 'no'".to_owned());
        }
        *self = is("yes");
        Ok(())
    }
}

impl Value for String {
    fn text(&self) -> String {
        self.clone()
    }

    fn assign(&mut self, text: &str, kind: Kind) -> Result<(), String> {
        if kind == Kind::FileName && text.contains(['/', '\\']) {
            return Err("dbfilename can't be a path, just a filename".to_owned());
        }
        text.clone_into(self);
        Ok(())
    }
}

/// A file mode; zero leaves the mode to the process's umask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileMode(pub u32);

impl Value for FileMode {
    fn text(&self) -> String {
        format!("{:o}", self.0)
    }

    fn assign(&mut self, text: &str, _: Kind) -> Result<(), String> {
        let mode = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o777);
        self.0 = mode.ok_or("argument couldn't be parsed as an octal number")?;
        Ok(())
    }
}

macro_rules! number_value {
    ($($type:ty)+) => { $(
        impl Value for $type {
            fn text(&self) -> String {
                i128::from(*self).to_string()
            }

            fn assign(&mut self, text: &str, kind: Kind) -> Result<(), String> {
                let number = number(text, kind)?;
                let refused = |_| out_of_range(<$type>::MIN.into(), <$type>::MAX.into());
                *self = <$type>::try_from(number).map_err(refused)?;
                Ok(())
            }
        }
    )+ };
}
number_value!(u8 u16 u32 i32 u64 i64);

/// Reads a number by its kind; `i128` holds every bound of every kind.
fn number(text: &str, kind: Kind) -> Result<i128, String> {
    let number: i128 = match kind {
        Kind::Bytes { .. } => bytes(text).ok_or("argument must be a memory value")?.into(),
        _ => integer(text)?.into(),
    };
    let (min, max): (i128, i128) = match kind {
        Kind::Bytes { min, max } => (min.into(), max.into()),
        Kind::Integer { min, max } => (min.into(), max.into()),
        Kind::Clamped { .. } => (0, INT_MAX.into()),
        _ => return Ok(number),
    };
    if !(min..=max).contains(&number) {
        return Err(out_of_range(min, max));
    }
    match kind {
        Kind::Clamped { min, max } => Ok(number.clamp(min.into(), max.into())),
        _ => Ok(number),
    }
}

/// The place of a word in the list of an enumeration, in any case.
pub(super) fn choose(words: &[&str], text: &str) -> Result<usize, String> {
    words
        .iter()
        .position(|word| word.eq_ignore_ascii_case(text))
        .ok_or_else(|| format!("argument(s) must be one of the following: {}", words.join(", ")))
}

/// Defines an enumeration whose variants have configuration words.
macro_rules! choices {
    ($($(#[$doc:meta])+ $name:ident { $($(#[$each:meta])+ $variant:ident = $word:literal,)+ })+) => { $(
        $(#[$doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$each])+ $variant,)+ }

        impl $name {
            /// The words, in the order in which errors list them.
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// The choices, in the order of their words.
            const ALL: &'static [Self] = &[$($name::$variant),+];

            /// The word that selects this choice.
            pub fn word(self) -> &'static str {
                match self { $($name::$variant => $word,)+ }
            }
        }

        impl $crate::settings::kind::Value for $name {
            fn text(&self) -> String {
                self.word().to_owned()
            }

            fn assign(&mut self, text: &str, _: $crate::settings::kind::Kind) -> Result<(), String> {
                *self = Self::ALL[$crate::settings::kind::choose(Self::WORDS, text)?];
                Ok(())
            }
        }
    )+ };
}
pub(super) use choices;
