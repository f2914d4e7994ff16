//! What a run counts: commands, and replies that a rule excused.

use std::collections::BTreeMap;

use super::rules::RULES;

/// The counters of a run.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Replies that were compared, by command.
    pub hits: BTreeMap<String, Hit>,
    excused: BTreeMap<usize, u64>,
}

/// The counters of one command.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hit {
    /// Replies, those inside EXEC included.
    pub replies: u64,
    /// Errors among them.
    pub errors: u64,
}

impl Tally {
    /// Counts a reply of the reference.
    pub fn count(&mut self, full_name: &str, is_error: bool) {
        // Unknown commands and subcommands would make the table endless.
        let known = larder_core::command::registry().find_full(full_name.as_bytes()).is_some();
        let hit = self.hits.entry(if known { full_name } else { "(unknown)" }.to_owned()).or_default();
        hit.replies += 1;
        hit.errors += u64::from(is_error);
    }

    /// Counts a difference that a rule allows.
    pub fn excuse(&mut self, rule: usize) {
        *self.excused.entry(rule).or_default() += 1;
    }

    /// One line for each rule that was needed.
    pub fn rule_lines(&self) -> Vec<String> {
        let line = |(rule, count): (&usize, &u64)| {
            let rule = &RULES[*rule];
            format!("excused {count:6} {}: {}", rule.commands.join(" "), rule.reason)
        };
        self.excused.iter().map(line).collect()
    }

    /// One line for each command.
    pub fn hit_lines(&self) -> Vec<String> {
        let line = |(name, hit): (&String, &Hit)| format!("{:8} {:8} errors  {name}", hit.replies, hit.errors);
        self.hits.iter().map(line).collect()
    }
}
