//! What a writer sent and what was acknowledged, and which states a server may have after its end.
//!
//! A connection's replies come in order, so what is acknowledged is a prefix of what was sent; what survives must be a
//! prefix as well, and no shorter. Every operation but two kinds moves one series by one step: how far each series
//! came tells how long the prefix is.

use std::collections::{BTreeMap, BTreeSet};

/// Clocks are read in milliseconds on both sides.
const CLOCK_SLACK_MS: u64 = 2;

/// A step of a writer. Numbers count from 1 for the writer's whole life on one folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// INCR of the counter, to this value.
    Count(u64),
    /// RPUSH of this number, the list's length.
    Push(u64),
    /// HSET of this number to its field.
    Field(u64),
    /// XADD of this number.
    Append(u64),
    /// MULTI that counts, takes from one key and gives to another.
    Transfer(u64),
    /// SADD of this number to the pool.
    Fill(u64),
    /// SPOP from the pool.
    Draw,
    /// SET of a key that expires.
    Expiring {
        /// Which of [`Ledger::EXPIRING_SLOTS`] keys.
        slot: usize,
        /// The value, another one each time.
        number: u64,
        /// Its life in milliseconds.
        lifetime_ms: u64,
    },
}

/// Series that operations move by one step.
const SERIES: usize = 5;
const NAMES: [&str; SERIES] = ["counter", "list", "hash", "stream", "transfers"];

/// What was seen of a writer's keys after a restart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// How far each series came.
    pub series: [u64; SERIES],
    /// Members of the pool.
    pub pool: BTreeSet<u64>,
    /// Keys that expire, by slot: value and remaining life in milliseconds.
    pub expiring: BTreeMap<usize, (u64, u64)>,
    /// When the look began, in milliseconds since 1970.
    pub from_ms: u64,
    /// When it ended.
    pub to_ms: u64,
}

/// What a comparison found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Operations that were acknowledged.
    pub acknowledged: u64,
    /// Acknowledged and gone.
    pub lost: u64,
    /// There and never sent.
    pub phantoms: u64,
    /// What is wrong, for people.
    pub problems: Vec<String>,
}

#[derive(Clone, Copy, Debug)]
struct Sent {
    operation: Operation,
    at_ms: u64,
    acknowledged_at_ms: Option<u64>,
}

/// One writer's notes.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// The writer's number.
    pub writer: usize,
    /// What the server held when this life began.
    base: Observed,
    next: [u64; SERIES],
    next_member: u64,
    next_expiring: u64,
    /// In the order of the connection; the first `acknowledged` are acknowledged.
    sent: Vec<Sent>,
    acknowledged: usize,
    /// What acknowledged draws drew.
    drawn: BTreeSet<u64>,
    /// Members that the pool has at least once everything sent has run.
    pool_size: u64,
}

impl Ledger {
    /// Fields of the hash: so many that snapshots write it piece by piece.
    pub const FIELDS: u64 = 16_384;
    /// Keys that expire.
    pub const EXPIRING_SLOTS: usize = 16;

    /// The notes of a writer on an empty folder.
    pub fn new(writer: usize) -> Self {
        Self { writer, ..Self::default() }
    }

    /// What the n-th transfer moves.
    pub fn amount(number: u64) -> i64 {
        (number % 7 + 1) as i64
    }

    /// What the first transfers moved together.
    pub fn moved(transfers: u64) -> i64 {
        (1..=transfers).map(Self::amount).sum()
    }

    /// The counter's next value.
    pub fn next_count(&self) -> u64 {
        self.next[0] + 1
    }

    /// The list's next number.
    pub fn next_push(&self) -> u64 {
        self.next[1] + 1
    }

    /// The hash's next number.
    pub fn next_field(&self) -> u64 {
        self.next[2] + 1
    }

    /// The stream's next number.
    pub fn next_append(&self) -> u64 {
        self.next[3] + 1
    }

    /// The next transfer.
    pub fn next_transfer(&self) -> u64 {
        self.next[4] + 1
    }

    /// The pool's next member.
    pub fn next_fill(&self) -> u64 {
        self.next_member + 1
    }

    /// The next value of a key that expires.
    pub fn next_expiring(&self) -> u64 {
        self.next_expiring + 1
    }

    /// Whether the pool has something to draw whatever survived.
    pub fn may_draw(&self) -> bool {
        self.pool_size > 0
    }

    /// Notes an operation that is about to be sent.
    pub fn send(&mut self, operation: Operation, now_ms: u64) {
        if let Some(series) = series_of(operation) {
            self.next[series] += 1;
        }
        match operation {
            Operation::Fill(number) => (self.next_member, self.pool_size) = (number, self.pool_size + 1),
            Operation::Draw => self.pool_size -= 1,
            Operation::Expiring { number, .. } => self.next_expiring = number,
            _ => {}
        }
        self.sent.push(Sent { operation, at_ms: now_ms, acknowledged_at_ms: None });
    }

    /// Notes the reply to the oldest operation without one.
    pub fn acknowledge(&mut self, now_ms: u64, drawn: Option<u64>) {
        self.sent[self.acknowledged].acknowledged_at_ms = Some(now_ms);
        self.acknowledged += 1;
        self.drawn.extend(drawn);
    }

    /// Goes on from what the server holds; the keys that expire are taken away meanwhile.
    pub fn begin_life(&mut self, observed: Observed) {
        self.next = observed.series;
        self.pool_size = observed.pool.len() as u64;
        self.base = Observed { expiring: BTreeMap::new(), ..observed };
        self.sent.clear();
        self.acknowledged = 0;
        self.drawn.clear();
    }

    /// Holds what the server has against the notes.
    pub fn judge(&self, observed: &Observed) -> Findings {
        let mut findings = Findings { acknowledged: self.acknowledged as u64, ..Findings::default() };
        let Some(prefixes) = self.prefixes(observed, &mut findings) else { return findings };
        self.judge_pool(observed, prefixes, &mut findings);
        self.judge_expiring(observed, prefixes, &mut findings);
        findings
    }

    /// The shortest and the longest prefix of what was sent that gives the series. None after a problem.
    fn prefixes(&self, observed: &Observed, findings: &mut Findings) -> Option<(usize, usize)> {
        let mut at = self.base.series;
        let (mut fitting, mut acknowledged) = (None, at);
        for (length, sent) in self.sent.iter().map(Some).chain([None]).enumerate() {
            if length == self.acknowledged {
                acknowledged = at;
            }
            if at == observed.series {
                fitting = Some((fitting.map_or(length, |(shortest, _)| shortest), length));
            }
            if let Some(series) = sent.and_then(|sent| series_of(sent.operation)) {
                at[series] += 1;
            }
        }
        for series in 0..SERIES {
            let (value, low, high) = (observed.series[series], acknowledged[series], at[series]);
            if value < low || value > high {
                findings.lost += low.saturating_sub(value);
                findings.phantoms += value.saturating_sub(high);
                self.note(findings, format!("{} is {value}, not {low} to {high}", NAMES[series]));
            }
        }
        match fitting {
            Some((shortest, longest)) if longest >= self.acknowledged => {
                Some((shortest.max(self.acknowledged), longest))
            }
            Some(_) => None,
            None => {
                let text = format!("no prefix of what was sent gives {:?}", observed.series);
                self.note(findings, text);
                None
            }
        }
    }

    fn judge_pool(&self, observed: &Observed, (shortest, longest): (usize, usize), findings: &mut Findings) {
        let pool = &observed.pool;
        let mut may_hold = self.base.pool.clone();
        let mut must_hold = self.base.pool.clone();
        let mut size = self.base.pool.len();
        let mut fits = false;
        for (length, sent) in self.sent[..longest].iter().map(Some).chain([None]).enumerate() {
            fits |= length >= shortest && size == pool.len();
            match sent.map(|sent| sent.operation) {
                Some(Operation::Fill(number)) => {
                    size += 1;
                    may_hold.insert(number);
                    if length < self.acknowledged {
                        must_hold.insert(number);
                    }
                }
                Some(Operation::Draw) => size -= 1,
                _ => {}
            }
        }
        let draws = self.sent[self.acknowledged..longest].iter();
        let unknown_draws = draws.filter(|sent| sent.operation == Operation::Draw).count();
        let missing = must_hold.iter().filter(|number| !pool.contains(number) && !self.drawn.contains(number)).count();
        let back = pool.intersection(&self.drawn).count();
        let phantoms = pool.difference(&may_hold).count();
        findings.lost += (missing.saturating_sub(unknown_draws) + back) as u64;
        findings.phantoms += phantoms as u64;
        if missing > unknown_draws || back > 0 || phantoms > 0 || !fits {
            let text = format!(
                "the pool has {} members ({}a possible size), {missing} missing with {unknown_draws} draws open, \
                 {back} back, {phantoms} never added",
                pool.len(),
                if fits { "" } else { "not " }
            );
            self.note(findings, text);
        }
    }

    fn judge_expiring(&self, observed: &Observed, (shortest, longest): (usize, usize), findings: &mut Findings) {
        for slot in 0..Self::EXPIRING_SLOTS {
            let of_slot = |sent: &&Sent| matches!(sent.operation, Operation::Expiring { slot: at, .. } if at == slot);
            // The last one that has certainly run, and what may have run after it.
            let certain = self.sent[..shortest].iter().rfind(of_slot);
            let possible = self.sent[shortest..longest].iter().filter(of_slot);
            let mut candidates = certain.into_iter().chain(possible).peekable();
            let Some((value, remaining_ms)) = observed.expiring.get(&slot) else {
                // The earliest end that one of the candidates may have had.
                let may_be_over = |sent: &Sent| sent.at_ms + lifetime_ms(sent) <= observed.to_ms + CLOCK_SLACK_MS;
                if certain.is_some() && !candidates.any(may_be_over) {
                    findings.lost += 1;
                    self.note(findings, format!("t{slot} is gone before its time"));
                }
                continue;
            };
            let is_value =
                |sent: &&Sent| matches!(sent.operation, Operation::Expiring { number, .. } if number == *value);
            let Some(sent) = candidates.find(is_value) else {
                findings.phantoms += 1;
                self.note(findings, format!("t{slot} is {value}, which was not its last value"));
                continue;
            };
            // It ran before its reply came, or at least before the look.
            let ran_by_ms = sent.acknowledged_at_ms.unwrap_or(observed.from_ms);
            let over_at_ms = ran_by_ms + lifetime_ms(sent) + CLOCK_SLACK_MS;
            if observed.from_ms + remaining_ms > over_at_ms {
                let late_ms = observed.from_ms + remaining_ms - over_at_ms;
                self.note(findings, format!("t{slot} lives {late_ms} ms longer than it was given"));
            }
        }
    }

    fn note(&self, findings: &mut Findings, text: String) {
        findings.problems.push(format!("writer {}: {text}", self.writer));
    }
}

impl Findings {
    /// Adds another writer's.
    pub fn add(&mut self, other: Self) {
        self.acknowledged += other.acknowledged;
        self.lost += other.lost;
        self.phantoms += other.phantoms;
        self.problems.extend(other.problems);
    }
}

fn series_of(operation: Operation) -> Option<usize> {
    match operation {
        Operation::Count(_) => Some(0),
        Operation::Push(_) => Some(1),
        Operation::Field(_) => Some(2),
        Operation::Append(_) => Some(3),
        Operation::Transfer(_) => Some(4),
        Operation::Fill(_) | Operation::Draw | Operation::Expiring { .. } => None,
    }
}

fn lifetime_ms(sent: &Sent) -> u64 {
    match sent.operation {
        Operation::Expiring { lifetime_ms, .. } => lifetime_ms,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two counts, a push, a fill, a count, a draw; all but the last two acknowledged.
    fn ledger() -> Ledger {
        let mut ledger = Ledger::new(3);
        let sent = [
            Operation::Count(1),
            Operation::Count(2),
            Operation::Push(1),
            Operation::Fill(1),
            Operation::Fill(2),
            Operation::Count(3),
            Operation::Draw,
        ];
        for (at, operation) in sent.into_iter().enumerate() {
            ledger.send(operation, 100 + at as u64);
        }
        (0..5).for_each(|at| ledger.acknowledge(200 + at, None));
        ledger
    }

    fn state(count: u64, push: u64, pool: &[u64]) -> Observed {
        let pool = pool.iter().copied().collect();
        Observed { series: [count, push, 0, 0, 0], pool, from_ms: 300, to_ms: 310, ..Observed::default() }
    }

    #[test]
    fn what_was_not_acknowledged_may_be_there_or_not() {
        let ledger = ledger();
        for state in [state(2, 1, &[1, 2]), state(3, 1, &[1, 2]), state(3, 1, &[2])] {
            let findings = ledger.judge(&state);
            assert_eq!(findings, Findings { acknowledged: 5, ..Findings::default() }, "{state:?}");
        }
    }

    #[test]
    fn losses_and_phantoms_are_counted() {
        let ledger = ledger();
        let cases = [
            (state(1, 1, &[1, 2]), 1, 0),
            (state(2, 0, &[1, 2]), 1, 0),
            (state(0, 0, &[]), 3, 0),
            (state(5, 1, &[1, 2]), 0, 2),
            (state(2, 1, &[1]), 1, 0),
            (state(2, 1, &[1, 2, 9]), 0, 1),
        ];
        for (state, lost, phantoms) in cases {
            let findings = ledger.judge(&state);
            assert_eq!((findings.lost, findings.phantoms), (lost, phantoms), "{state:?}: {findings:?}");
            assert!(!findings.problems.is_empty(), "{state:?}");
        }
    }

    #[test]
    fn a_draw_without_the_count_before_it_is_a_gap() {
        let findings = ledger().judge(&state(2, 1, &[2]));
        assert!(findings.problems[0].contains("pool"), "{findings:?}");
        let mut ledger = Ledger::new(0);
        ledger.send(Operation::Count(1), 1);
        ledger.send(Operation::Push(1), 1);
        let findings = ledger.judge(&state(0, 1, &[]));
        assert!(findings.problems[0].contains("no prefix"), "{findings:?}");
        assert_eq!(findings.lost + findings.phantoms, 0);
    }

    #[test]
    fn what_an_acknowledged_draw_took_stays_away() {
        let mut ledger = ledger();
        ledger.acknowledge(210, None);
        ledger.acknowledge(211, Some(1));
        assert!(ledger.judge(&state(3, 1, &[2])).problems.is_empty());
        assert_eq!(ledger.judge(&state(3, 1, &[1])).lost, 2);
        assert_eq!(ledger.judge(&state(3, 1, &[1, 2])).lost, 1);
    }

    fn with_expiring(acknowledged: bool) -> Ledger {
        let mut ledger = Ledger::new(0);
        ledger.send(Operation::Expiring { slot: 4, number: 1, lifetime_ms: 500 }, 100);
        ledger.send(Operation::Count(1), 100);
        ledger.acknowledge(101, None);
        ledger.acknowledge(101, None);
        ledger.send(Operation::Expiring { slot: 4, number: 2, lifetime_ms: 50 }, 110);
        if acknowledged {
            ledger.acknowledge(112, None);
        }
        ledger
    }

    fn holding(value: u64, remaining_ms: u64) -> Observed {
        let expiring = [(4, (value, remaining_ms))].into();
        Observed { series: [1, 0, 0, 0, 0], expiring, from_ms: 130, to_ms: 131, ..Observed::default() }
    }

    #[test]
    fn keys_expire_at_their_time() {
        let ledger = with_expiring(true);
        assert!(ledger.judge(&holding(2, 32)).problems.is_empty());
        assert!(ledger.judge(&holding(2, 40)).problems[0].contains("longer"));
        assert_eq!(ledger.judge(&holding(1, 471)).phantoms, 1);
        assert_eq!(ledger.judge(&holding(7, 1)).phantoms, 1);
        let gone = Observed { expiring: BTreeMap::new(), ..holding(1, 1) };
        assert_eq!(ledger.judge(&gone).lost, 1);
        let later = Observed { to_ms: 160, ..gone };
        assert!(ledger.judge(&later).problems.is_empty());
    }

    #[test]
    fn an_open_one_may_have_replaced_the_last() {
        let ledger = with_expiring(false);
        assert!(ledger.judge(&holding(1, 471)).problems.is_empty());
        assert!(ledger.judge(&holding(2, 40)).problems.is_empty());
        let gone = Observed { expiring: BTreeMap::new(), to_ms: 150, ..holding(1, 1) };
        assert_eq!(ledger.judge(&gone).lost, 1);
        assert!(ledger.judge(&Observed { to_ms: 159, ..gone }).problems.is_empty());
    }

    #[test]
    fn the_next_life_goes_on_from_what_is_there() {
        let mut ledger = ledger();
        ledger.begin_life(state(2, 1, &[1, 2]));
        assert_eq!((ledger.next_count(), ledger.next_push(), ledger.next_fill()), (3, 2, 3));
        ledger.send(Operation::Count(3), 1);
        ledger.acknowledge(1, None);
        assert_eq!(ledger.judge(&state(2, 1, &[1, 2])).lost, 1);
        assert!(ledger.judge(&state(3, 1, &[1, 2])).problems.is_empty());
    }
}
