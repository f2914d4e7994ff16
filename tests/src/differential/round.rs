//! The commands of one round. Each round has favourites of its own, so that rare commands meet (swarm testing).

use larder_core::command::Flags;

use super::families::{Family, Scores};
use super::grammar::{Form, Style};
use super::random::Random;
use super::side::words;
use super::values::{JUNK, KEYS, Taste};
use super::{Request, Step};

/// Commands in a round.
pub const ROUND_COMMANDS: usize = 1_000;

/// Names no server knows.
const UNKNOWN: &[&[u8]] = &[b"NOSUCH", b"", b"get\r\n", b"SETT"];
/// One in this many requests has such a name.
const UNKNOWN_ONE_IN: usize = 500;
/// How many rounds are about all types.
const ALL_FAMILIES_PERCENT: usize = 25;
/// Most types of the other rounds.
const FEW_FAMILIES: usize = 3;
/// The least weight of a command that makes keys.
const MAKER_WEIGHT: usize = 5;
/// The least weight of commands that stand in few rounds.
const RARE_WEIGHT: usize = 10;
/// Limits of the compact forms: low ones let values change their form in a few commands.
const LIMITS: &[(&str, &[&str])] = &[
    ("hash-max-listpack-entries", &["128", "4"]),
    ("hash-max-listpack-value", &["64", "8"]),
    ("list-max-listpack-size", &["-2", "4", "1"]),
    ("set-max-intset-entries", &["512", "4"]),
    ("set-max-listpack-entries", &["128", "4"]),
    ("stream-node-max-entries", &["100", "3"]),
    (ZSET_LIMIT, &["128", "4", "0"]),
    ("zset-max-listpack-value", &["64", "8"]),
];
/// In Redis, SORT turns a packed sorted set into a skip list for good: it is generated where there are none.
const ZSET_LIMIT: &str = "zset-max-listpack-entries";
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
    let packs = !settings(plan).contains(&words(&["CONFIG", "SET", ZSET_LIMIT, "0"]));
    let sorts = !(packs && style.taste.families.contains(&Family::SortedSets));
    let mut weighted = favourites(forms, &style.taste, transactions, random);
    weighted.retain(|(form, _)| sorts || !form.name.starts_with("sort"));
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

/// The settings of a round, which are the same for both servers.
pub fn settings(plan: &Plan) -> Vec<Request> {
    // A sequence of its own.
    let random = &mut Random::of_round(!plan.seed, plan.round);
    LIMITS.iter().map(|&(name, values)| words(&["CONFIG", "SET", name, *random.pick(values)])).collect()
}

fn families(random: &mut Random) -> Vec<Family> {
    let mut families = Family::ALL.to_vec();
    if !random.percent(ALL_FAMILIES_PERCENT) {
        let count = 1 + random.below(FEW_FAMILIES);
        while families.len() > count {
            families.remove(random.below(families.len()));
        }
    }
    families
}

fn style(transactions: bool, random: &mut Random) -> Style {
    let count = *random.pick(&[1, 2, 4, 8, KEYS.len()]);
    let mut keys: Vec<Vec<u8>> = KEYS[..count].iter().map(|key| key.to_vec()).collect();
    // Few keys must not always be the plain ones.
    if random.percent(30) {
        keys.push(random.pick(KEYS).to_vec());
    }
    let mut families = families(random);
    let scores = match families.contains(&Family::SortedSets) {
        true => *random.pick(&[Scores::Any, Scores::Equal, Scores::Places]),
        false => Scores::Any,
    };
    if scores == Scores::Equal {
        // Members of sets count as 1 where sorted sets are combined.
        families.retain(|family| *family != Family::Sets);
    }
    Style {
        taste: Taste {
            keys,
            families,
            odd_percent: *random.pick(&[2, 10, 30]),
            sets_expired_keys: !transactions,
            pops_at_random: !transactions,
            scores,
        },
        optional_percent: *random.pick(&[15, 40, 70]),
        // A word in the wrong place could be a score.
        bent_percent: if scores == Scores::Equal { 0 } else { *random.pick(&[0, 2, 10]) },
    }
}

/// A subset of the commands with weights. What makes keys is always there; transactions come and go as one.
fn favourites<'a>(forms: &'a [Form], taste: &Taste, transactions: bool, random: &mut Random) -> Vec<(&'a Form, usize)> {
    let share = *random.pick(&[15, 40, 100]);
    let mut weighted = Vec::new();
    for form in forms {
        let weight = *random.pick(&[1, 2, 5, 10]);
        let chosen = random.percent(share);
        let family = Family::of(form.row);
        let is_sorted = family == Some(Family::SortedSets);
        if family.is_some_and(|family| !taste.families.contains(&family)) || (is_sorted && !taste.scores.fit(form.row))
        {
            continue;
        }
        let weight = match form.name {
            name if family.is_some_and(|family| family.makers().contains(&name)) => weight.max(MAKER_WEIGHT),
            // As many ends as beginnings, so that most commands run.
            "multi" | "exec" if transactions => 8,
            "watch" if transactions => 5,
            "multi" | "exec" => continue,
            // What it does inside a value counts as a change here, and does not in Redis.
            "pfdebug" if transactions => continue,
            // These end what the others began.
            "flushall" | "flushdb" | "reset" | "discard" | "unwatch" if chosen => 1,
            // They wait.
            _ if chosen && form.row.flags.contains(Flags::BLOCKING) => 2,
            // They stand in few rounds.
            name if chosen && name.starts_with("geo") => weight.max(RARE_WEIGHT),
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
