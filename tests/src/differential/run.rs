//! A whole run: rounds, what is printed about their differences, and the closing lines.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::case_text;
use super::grammar::{self, Form};
use super::guard::{Verdict, judge};
use super::options::Options;
use super::plant::{PLANTS, Plant};
use super::play::{Difference, Played, play};
use super::round::{Plan, ROUND_COMMANDS, settings, steps};
use super::shrink::minimise;
use super::side::{Outcome, Pair, Side, words};
use super::state::place;
use super::tally::Tally;
use super::{Request, Step};
use crate::resp::Reply;
use crate::servers::Server;

/// Most replays while one difference is shrunk.
const SHRINK_REPLAYS: usize = 3_000;
/// Longest time for the same: a server that falls silent costs a deadline with each replay.
const SHRINK_TIME: Duration = Duration::from_secs(60);
/// Bytes of an error by which two differences are told apart.
const TOLD_APART_BYTES: usize = 24;
/// Longest reply that is printed in full.
const SHOWN_CHARACTERS: usize = 400;
/// Rounds in which a planted bug must show.
const CANARY_ROUNDS: u64 = 200;

/// What a run came to.
#[derive(Debug, Default)]
pub struct Outcomes {
    commands: usize,
    passed: usize,
    failed: usize,
    seen: BTreeSet<String>,
    tally: Tally,
}

/// Runs and prints. True if there was nothing to complain about.
///
/// # Errors
/// Servers that do not start or cannot be emptied, and names that no command has.
pub fn run(options: &Options) -> Result<bool, String> {
    let candidate = if options.against_itself { redis } else { larder };
    let mut pair = Pair { reference: Side::start(redis), candidate: Side::start(candidate), settings: Vec::new() };
    let forms = chosen_forms(&mut pair, options)?;
    if options.canary {
        return canary(&mut pair, options, &forms);
    }
    let against = if options.against_itself { "redis-server" } else { "larder" };
    println!(
        "differential: seed {}, {} commands in the grammar, redis-server against {against}",
        options.seed,
        forms.len()
    );
    let mut outcomes = Outcomes::default();
    for plan in plans(options) {
        play_round(&mut pair, &plan, options, &forms, &mut outcomes)?;
        if outcomes.seen.len() >= options.failures {
            println!("stopped after {} different differences", outcomes.seen.len());
            break;
        }
    }
    close(options, &outcomes);
    Ok(outcomes.failed == 0)
}

fn redis() -> Server {
    Server::redis(&[])
}

fn larder() -> Server {
    Server::larder(&[])
}

fn plans(options: &Options) -> Vec<Plan> {
    let plan =
        |round: u64, commands: usize| Plan { seed: options.seed, round, commands, connections: options.connections };
    if let Some(round) = options.round {
        return vec![plan(round, ROUND_COMMANDS)];
    }
    let starts = (0..options.commands).step_by(ROUND_COMMANDS);
    (0..).zip(starts).map(|(round, start)| plan(round, ROUND_COMMANDS.min(options.commands - start))).collect()
}

/// The rows that the reference knows and the options ask for.
fn chosen_forms(pair: &mut Pair, options: &Options) -> Result<Vec<Form>, String> {
    pair.renew(1)?;
    let Some(Ok(Reply::Array(names))) = pair.reference.control(&[words(&["COMMAND", "LIST"])]).pop() else {
        return Err("the reference does not answer COMMAND LIST".into());
    };
    let text = |name: &Reply| match name {
        Reply::Bulk(text) => Some(String::from_utf8_lossy(text).into_owned()),
        _ => None,
    };
    let mut forms = grammar::forms(&names.iter().filter_map(text).collect())?;
    for name in options.only.iter().chain(&options.without) {
        if !forms.iter().any(|form| form.name == name) {
            return Err(format!("{name} is not in the grammar"));
        }
    }
    let is_wanted = |form: &Form| {
        (options.only.is_empty() || options.only.iter().any(|name| name == form.name))
            && !options.without.iter().any(|name| name == form.name)
    };
    forms.retain(is_wanted);
    if forms.is_empty() { Err("no commands are left".into()) } else { Ok(forms) }
}

fn play_round(
    pair: &mut Pair,
    plan: &Plan,
    options: &Options,
    forms: &[Form],
    outcomes: &mut Outcomes,
) -> Result<(), String> {
    let steps = steps(plan, forms);
    pair.settings = settings(plan);
    let played = play(pair, &steps, options.plant, &mut outcomes.tally)?;
    let Some(difference) = &played.difference else {
        outcomes.commands += steps.len();
        outcomes.passed += 1;
        return Ok(());
    };
    outcomes.commands += difference.step + 1;
    outcomes.failed += 1;
    if outcomes.seen.insert(signature(difference)) {
        report(pair, plan, options, &steps, difference)?;
    } else {
        println!("round {}, step {}: again {}", plan.round, difference.step, signature(difference));
    }
    Ok(())
}

fn report(
    pair: &mut Pair,
    plan: &Plan,
    options: &Options,
    steps: &[Step],
    difference: &Difference,
) -> Result<(), String> {
    let round = plan.round;
    println!("\nDIFFERENCE seed {}, round {round}, step {}: {}", options.seed, difference.step, place(difference));
    let (request, reference, candidate) = told(difference);
    println!("  sent       {}", shortened(case_text::line(&request)));
    println!("  reference  {}", shortened(case_text::shown(&reference)));
    println!("  candidate  {}", shortened(case_text::shown(&candidate)));
    let (minimal, played) = shrunk(pair, steps, options.plant, difference)?;
    if played.difference.is_some() {
        println!("  shrunk from {} to {} commands:\n", difference.step + 1, minimal.len());
        for setting in &pair.settings {
            println!("# with {}", case_text::line(setting));
        }
        let title = format!("{} (differential seed {}, round {round})", place(difference), options.seed);
        println!("{}", case_text::write(&title, &minimal, &played));
    } else {
        println!("  does not happen again when the round is replayed: it depends on time or on earlier rounds");
    }
    println!("replay: {}\n", options.replay(round));
    Ok(())
}

/// The shortest steps that end in the same kind of difference, and what came of them.
fn shrunk(
    pair: &mut Pair,
    steps: &[Step],
    plant: Option<&Plant>,
    difference: &Difference,
) -> Result<(Vec<Step>, Played), String> {
    let wanted = signature(difference);
    let mut replays = 0;
    let started = Instant::now();
    let mut tally = Tally::default();
    let mut fails = |steps: &[Step]| {
        replays += 1;
        if replays > SHRINK_REPLAYS || started.elapsed() > SHRINK_TIME {
            return None;
        }
        let played = play(pair, steps, plant, &mut tally).ok()?;
        Some(played.difference.is_some_and(|found| signature(&found) == wanted))
    };
    let mut minimal = steps[..=difference.step].to_vec();
    if fails(&minimal) == Some(true) {
        minimal = minimise(minimal, &mut fails);
        for at in 0..minimal.len() {
            shrink_words(&mut minimal, at, &mut fails);
        }
        minimal = minimise(minimal, &mut fails);
    }
    let played = play(pair, &minimal, plant, &mut tally)?;
    Ok((minimal, played))
}

/// Cuts words behind the name of one command, and makes every other step's connection the first where it can be.
fn shrink_words(steps: &mut [Step], at: usize, fails: &mut impl FnMut(&[Step]) -> Option<bool>) {
    let mut trial = steps.to_vec();
    let name = steps[at].request[0].clone();
    let with_name = |words: &[Vec<u8>]| -> Request { std::iter::once(&name).chain(words).cloned().collect() };
    let words = steps[at].request[1..].to_vec();
    let shortest = minimise(words, |words| {
        trial[at].request = with_name(words);
        // A shorter request can be one that must not be sent.
        if judge(&trial[at].request) == Verdict::Refused { Some(false) } else { fails(&trial) }
    });
    steps[at].request = with_name(&shortest);
    let mut trial = steps.to_vec();
    trial[at].connection = 0;
    if steps[at].connection > 0 && fails(&trial) == Some(true) {
        steps[at].connection = 0;
    }
}

/// What makes two differences the same: the command and the kinds of both replies.
fn signature(difference: &Difference) -> String {
    let (_, reference, candidate) = told(difference);
    format!("{}: {} / {}", place(difference), kind(&reference), kind(&candidate))
}

/// The command to blame with both replies: inside EXEC the queued one.
fn told(difference: &Difference) -> (Request, Outcome, Outcome) {
    match &difference.queued {
        Some((request, reference, candidate)) => (request.clone(), Ok(reference.clone()), Ok(candidate.clone())),
        None => (difference.request.clone(), difference.reference.clone(), difference.candidate.clone()),
    }
}

fn kind(outcome: &Outcome) -> String {
    match outcome {
        Err(_) => "no reply".to_owned(),
        Ok(Reply::Error(text)) => {
            let text = String::from_utf8_lossy(text);
            text.chars().take(TOLD_APART_BYTES).collect()
        }
        // Which null it is depends on the protocol that HELLO chose before.
        Ok(Reply::Null | Reply::NullBulk | Reply::NullArray) => "null".to_owned(),
        Ok(reply) => format!("{reply:?}").chars().take_while(|c| c.is_alphabetic()).collect(),
    }
}

fn shortened(text: String) -> String {
    match text.char_indices().nth(SHOWN_CHARACTERS) {
        None => text,
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
    }
}

fn close(options: &Options, outcomes: &Outcomes) {
    for line in outcomes.tally.rule_lines() {
        println!("{line}");
    }
    if options.hits {
        for line in outcomes.tally.hit_lines() {
            println!("{line}");
        }
    }
    let Outcomes { commands, passed, failed, seen, .. } = outcomes;
    println!("rounds: {passed} without a difference, {failed} with one, {} different differences", seen.len());
    println!("differential: {commands} commands, seed {}, {failed} unexplained differences", options.seed);
    println!("{passed} passed, {failed} failed");
}

/// Finds every planted bug and shrinks it to no more steps than it needs.
fn canary(pair: &mut Pair, options: &Options, forms: &[Form]) -> Result<bool, String> {
    let (mut passed, mut failed) = (0, 0);
    for plant in PLANTS {
        let found = find_plant(pair, options, forms, plant)?;
        let is_good = found.as_ref().is_some_and(|(_, steps)| steps.len() <= plant.steps);
        match found {
            None => println!("{}: not found in {CANARY_ROUNDS} rounds", plant.name),
            Some((round, steps)) => {
                println!("{}: found in round {round}, shrunk to {} commands", plant.name, steps.len());
                steps.iter().for_each(|step| println!("  {}> {}", step.connection + 1, case_text::line(&step.request)));
            }
        }
        if is_good { passed += 1 } else { failed += 1 }
    }
    println!("canary: seed {}, {} planted bugs", options.seed, PLANTS.len());
    println!("{passed} passed, {failed} failed");
    Ok(failed == 0)
}

fn find_plant(
    pair: &mut Pair,
    options: &Options,
    forms: &[Form],
    plant: &Plant,
) -> Result<Option<(u64, Vec<Step>)>, String> {
    let mut tally = Tally::default();
    for round in 0..CANARY_ROUNDS {
        let plan = Plan { seed: options.seed, round, commands: ROUND_COMMANDS, connections: options.connections };
        let steps = steps(&plan, forms);
        pair.settings = settings(&plan);
        let played = play(pair, &steps, Some(plant), &mut tally)?;
        if let Some(difference) = &played.difference {
            let (minimal, _) = shrunk(pair, &steps, Some(plant), difference)?;
            return Ok(Some((round, minimal)));
        }
    }
    Ok(None)
}
