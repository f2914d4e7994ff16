//! Values that are lists: addresses, save points, output limits, percentiles.

use crate::number::{parse_f64, write_f64};

#[cfg(feature = "config-file")]
use super::kind::bytes_text;
use super::kind::{Kind, Value, bytes};

/// Most addresses one listener takes; the number Redis allows.
pub const MAX_ADDRESSES: usize = 16;
/// Most save points kept: more would only repeat work on each write.
pub const MAX_SAVE_POINTS: usize = 64;
/// Most percentiles INFO latencystats shows per command.
pub const MAX_PERCENTILES: usize = 64;

/// Addresses to listen on; a leading `-` marks one that may be unavailable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses(pub Vec<String>);

impl Value for Addresses {
    fn text(&self) -> String {
        self.0.join(" ")
    }

    fn assign(&mut self, text: &str, _: Kind) -> Result<(), String> {
        let addresses: Vec<String> = text.split_ascii_whitespace().map(str::to_owned).collect();
        if addresses.len() > MAX_ADDRESSES {
            return Err("Too many bind addresses specified.".to_owned());
        }
        self.0 = addresses;
        Ok(())
    }

    #[cfg(feature = "config-file")]
    fn lines(&self, _: Kind) -> Vec<String> {
        vec![if self.0.is_empty() { "\"\"".to_owned() } else { self.text() }]
    }
}

/// A snapshot is due after this many seconds when this many changes happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavePoint {
    /// Seconds since the last snapshot.
    pub seconds: u64,
    /// Changes since the last snapshot.
    pub changes: u64,
}

/// When snapshots are taken by themselves; empty means never.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SavePoints(pub Vec<SavePoint>);

impl SavePoints {
    /// Adds the points in `text`, as a further `save` line of a file does; empty text removes all.
    pub(super) fn append(&mut self, text: &str) -> Result<(), String> {
        let points = save_points(text).filter(|points| self.0.len() + points.len() <= MAX_SAVE_POINTS);
        let points = points.ok_or("Invalid save parameters")?;
        if text.is_empty() {
            self.0.clear();
        }
        self.0.extend(points);
        Ok(())
    }
}

impl Value for SavePoints {
    fn text(&self) -> String {
        let pair = |point: &SavePoint| format!("{} {}", point.seconds, point.changes);
        self.0.iter().map(pair).collect::<Vec<_>>().join(" ")
    }

    fn assign(&mut self, text: &str, _: Kind) -> Result<(), String> {
        let mut fresh = SavePoints::default();
        fresh.append(text)?;
        *self = fresh;
        Ok(())
    }

    #[cfg(feature = "config-file")]
    fn lines(&self, _: Kind) -> Vec<String> {
        if self.0.is_empty() {
            return vec!["\"\"".to_owned()];
        }
        self.0.iter().map(|point| format!("{} {}", point.seconds, point.changes)).collect()
    }
}

fn save_points(text: &str) -> Option<Vec<SavePoint>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    let words: Vec<&str> = text.split(' ').collect();
    let (pairs, []) = words.as_chunks::<2>() else {
        return None;
    };
    pairs
        .iter()
        .map(|[seconds, changes]| {
            let seconds = seconds.parse().ok().filter(|seconds| *seconds >= 1)?;
            Some(SavePoint { seconds, changes: changes.parse().ok()? })
        })
        .collect()
}

/// How far replies of one client class may pile up before the client is closed; zero means no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputLimit {
    /// Closed at once above this many bytes.
    pub hard_bytes: u64,
    /// Closed above this many bytes for too long.
    pub soft_bytes: u64,
    /// How long is too long.
    pub soft_seconds: u64,
}

/// Output limits of the three client classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputLimits {
    /// Ordinary clients.
    pub normal: OutputLimit,
    /// Replicas.
    pub replica: OutputLimit,
    /// Clients with subscriptions.
    pub pubsub: OutputLimit,
}

impl Default for OutputLimits {
    fn default() -> Self {
        let limit = |hard_mib: u64, soft_mib: u64| OutputLimit {
            hard_bytes: hard_mib << 20,
            soft_bytes: soft_mib << 20,
            soft_seconds: 60,
        };
        OutputLimits { normal: OutputLimit::default(), replica: limit(256, 64), pubsub: limit(32, 8) }
    }
}

impl Value for OutputLimits {
    fn text(&self) -> String {
        // Redis still answers with the older name of the replica class.
        let classes = [("normal", self.normal), ("slave", self.replica), ("pubsub", self.pubsub)];
        let group = |(class, limit): (&str, OutputLimit)| {
            format!("{class} {} {} {}", limit.hard_bytes, limit.soft_bytes, limit.soft_seconds)
        };
        classes.map(group).join(" ")
    }

    fn assign(&mut self, text: &str, _: Kind) -> Result<(), String> {
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let (groups, []) = words.as_chunks::<4>() else {
            return Err("Wrong number of arguments in buffer limit configuration.".to_owned());
        };
        // Classes that are not named keep their limits.
        let mut changed = *self;
        for [class, hard, soft, seconds] in groups {
            let slot = match class.to_ascii_lowercase().as_str() {
                "normal" => &mut changed.normal,
                "slave" | "replica" => &mut changed.replica,
                "pubsub" => &mut changed.pubsub,
                _ => {
                    return Err("Invalid client class specified in buffer limit configuration.".to_owned());
                }
            };
            *slot = output_limit(hard, soft, seconds)
                .ok_or("Error in hard, soft or soft_seconds setting in buffer limit configuration.")?;
        }
        *self = changed;
        Ok(())
    }

    #[cfg(feature = "config-file")]
    fn lines(&self, _: Kind) -> Vec<String> {
        let classes = [("normal", self.normal), ("replica", self.replica), ("pubsub", self.pubsub)];
        let line = |(class, limit): (&str, OutputLimit)| {
            let (hard, soft) = (bytes_text(limit.hard_bytes), bytes_text(limit.soft_bytes));
            format!("{class} {hard} {soft} {}", limit.soft_seconds)
        };
        classes.map(line).to_vec()
    }
}

fn output_limit(hard: &str, soft: &str, seconds: &str) -> Option<OutputLimit> {
    Some(OutputLimit { hard_bytes: bytes(hard)?, soft_bytes: bytes(soft)?, soft_seconds: seconds.parse().ok()? })
}

/// Percentiles of command latency that INFO shows, each from 0 to 100.
#[derive(Clone, Debug, PartialEq)]
pub struct Percentiles(pub Vec<f64>);

impl Value for Percentiles {
    fn text(&self) -> String {
        let mut text = Vec::new();
        for percentile in &self.0 {
            if !text.is_empty() {
                text.push(b' ');
            }
            write_f64(&mut text, *percentile);
        }
        String::from_utf8(text).expect("numbers are written in ASCII")
    }

    fn assign(&mut self, text: &str, _: Kind) -> Result<(), String> {
        let parsed: Option<Vec<f64>> = text.split_ascii_whitespace().map(|word| parse_f64(word.as_bytes())).collect();
        let percentiles = parsed
            .filter(|list| list.len() <= MAX_PERCENTILES)
            .ok_or("Invalid latency-tracking-info-percentiles parameters")?;
        if !percentiles.iter().all(|percentile| (0.0..=100.0).contains(percentile)) {
            let reason = "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]";
            return Err(reason.to_owned());
        }
        self.0 = percentiles;
        Ok(())
    }

    #[cfg(feature = "config-file")]
    fn lines(&self, _: Kind) -> Vec<String> {
        vec![if self.0.is_empty() { "\"\"".to_owned() } else { self.text() }]
    }
}

/// A size in bytes, or a share of maxmemory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BytesOrPercent {
    /// This many bytes; zero means no limit.
    Bytes(u64),
    /// This share of maxmemory, at most 100.
    Percent(u8),
}

impl Value for BytesOrPercent {
    fn text(&self) -> String {
        match self {
            BytesOrPercent::Bytes(bytes) => bytes.to_string(),
            BytesOrPercent::Percent(percent) => format!("{percent}%"),
        }
    }

    fn assign(&mut self, text: &str, _: Kind) -> Result<(), String> {
        let refused = "argument must be a memory or percent value";
        *self = match text.strip_suffix('%') {
            None => BytesOrPercent::Bytes(bytes(text).ok_or(refused)?),
            Some(number) if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) => {
                return Err(refused.to_owned());
            }
            Some(number) => {
                let percent = number.parse().ok().filter(|percent| *percent <= 100);
                let above = "percentage argument must be less or equal to 100";
                BytesOrPercent::Percent(percent.ok_or(above)?)
            }
        };
        Ok(())
    }

    #[cfg(feature = "config-file")]
    fn lines(&self, _: Kind) -> Vec<String> {
        match self {
            BytesOrPercent::Bytes(bytes) => vec![bytes_text(*bytes)],
            BytesOrPercent::Percent(_) => vec![self.text()],
        }
    }
}
