//! The commands of one round. Each round has favourites of its own, so that rare commands meet (swarm testing).

use super::Step;
use super::grammar::{Form, Style};
use super::random::Random;
use super::values::{JUNK, KEYS, Taste};

/// Commands in a round.
pub const ROUND_COMMANDS: usize = 1_000;

/// Names no server knows.
const UNKNOWN: &[&[u8]] = &[b"NOSUCH", b"", b"get\r\n", b"SETT"];
/// One in this many requests has such a name.
const UNKNOWN_ONE_IN: usize = 500;
/// How many rounds have transactions.
const TRANSACTIONS_PERCENT: usize = 40;

/// What a round is made from.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The run's seed.
    pub seed: u64,
    /// The round's number, from 0.
    pub round: u64,
    /// Its length.
    pub commands: usize,
    /// The connections it may use.
    pub connections: usize,
}

/// The steps of a round: a function of its arguments alone.
pub fn steps(plan: &Plan, forms: &[Form]) -> Vec<Step> {
    let random = &mut Random::of_round(plan.seed, plan.round);
    let transactions = random.percent(TRANSACTIONS_PERCENT);
    let style = style(transactions, random);
    let weighted = favourites(forms, transactions, random);
    let connections = 1 + random.below(plan.connections);
    let total: usize = weighted.iter().map(|(_, weight)| weight).sum();
    let step = |_| {
        let form = choose(&weighted, random.below(total));
        let request = if random.below(UNKNOWN_ONE_IN) == 0 {
            vec![random.pick(UNKNOWN).to_vec(), random.pick(JUNK).to_vec()]
        } else {
            form.request(&style, random)
        };
        Step { connection: random.below(connections), request }
    };
    (0..plan.commands).map(step).collect()
}

fn style(transactions: bool, random: &mut Random) -> Style {
    let count = *random.pick(&[1, 2, 4, 8, KEYS.len()]);
    let mut keys: Vec<Vec<u8>> = KEYS[..count].iter().map(|key| key.to_vec()).collect();
    // Few keys must not always be the plain ones.
    if random.percent(30) {
        keys.push(random.pick(KEYS).to_vec());
    }
    Style {
        taste: Taste { keys, odd_percent: *random.pick(&[2, 10, 30]), sets_expired_keys: !transactions },
        optional_percent: *random.pick(&[15, 40, 70]),
        bent_percent: *random.pick(&[0, 2, 10]),
    }
}

/// A subset of the commands with weights. SET is always there; transactions come and go as one.
fn favourites<'a>(forms: &'a [Form], transactions: bool, random: &mut Random) -> Vec<(&'a Form, usize)> {
    let share = *random.pick(&[15, 40, 100]);
    let mut weighted = Vec::new();
    for form in forms {
        let weight = *random.pick(&[1, 2, 5, 10]);
        let chosen = random.percent(share);
        let weight = match form.name {
            "set" => weight.max(5),
            // As many ends as beginnings, so that most commands run.
            "multi" | "exec" if transactions => 8,
            "watch" if transactions => 5,
            "multi" | "exec" => continue,
            // These end what the others began.
            "flushall" | "flushdb" | "reset" | "discard" | "unwatch" if chosen => 1,
            _ if chosen => weight,
            _ => continue,
        };
        weighted.push((form, weight));
    }
    if weighted.is_empty() {
        weighted.extend(forms.iter().map(|form| (form, 1)));
    }
    weighted
}

fn choose<'a>(weighted: &[(&'a Form, usize)], mut place: usize) -> &'a Form {
    for (form, weight) in weighted {
        match place.checked_sub(*weight) {
            Some(rest) => place = rest,
            None => return form,
        }
    }
    unreachable!("the place is below the sum of the weights")
}
