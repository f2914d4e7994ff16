//! Requests from the command table: every row that both servers know, its `syntax` followed or bent.

use std::collections::BTreeSet;

use larder_core::command::syntax::{self, Argument, Kind};
use larder_core::command::{Command, CommandId, Group, registry};

use super::Request;
use super::families::Scores;
use super::guard::{Verdict, judge};
use super::random::Random;
use super::values::{JUNK, Taste, lex_bound, score_bound, value};

/// Groups whose rows all take part.
const GROUPS: &[Group] = &[
    Group::String,
    Group::Bitmap,
    Group::List,
    Group::Set,
    Group::Hash,
    Group::SortedSet,
    Group::Geo,
    Group::Stream,
    Group::HyperLogLog,
    Group::Generic,
    Group::Transactions,
];

/// Rows of other groups that take part: those that touch the keyspace or the state of a connection.
const MORE: &[&str] = &[
    "auth",
    "client|getname",
    "client|id",
    "client|setname",
    "dbsize",
    "echo",
    "flushall",
    "flushdb",
    "hello",
    "memory|usage",
    "ping",
    "reset",
    "select",
    "swapdb",
];

/// Rows of [`GROUPS`] that do not take part, each with its reason.
const LEFT_OUT: &[(&str, &str)] = &[
    ("dump", "the payload holds the version of the RDB format"),
    ("migrate", "needs a third server"),
    ("pfselftest", "takes seconds"),
    ("restore", "needs payloads of DUMP"),
    ("wait", "waits for replicas"),
    ("waitaof", "waits for replicas"),
];

/// Option tokens that Redis 7.0 does not know.
const NEWER_TOKENS: &[(&str, &str)] = &[
    ("bitop", "DIFF"),
    ("bitop", "DIFF1"),
    ("bitop", "ANDOR"),
    ("bitop", "ONE"),
    ("set", "IFEQ"),
    ("set", "IFNE"),
    ("set", "IFDEQ"),
    ("set", "IFDNE"),
    ("hscan", "NOVALUES"),
    ("zscan", "NOSCORES"),
    ("xadd", "KEEPREF"),
    ("xadd", "DELREF"),
    ("xadd", "ACKED"),
    ("xadd", "IDMPAUTO"),
    ("xadd", "IDMP"),
    ("xreadgroup", "CLAIM"),
    ("xtrim", "KEEPREF"),
    ("xtrim", "DELREF"),
    ("xtrim", "ACKED"),
    ("zrank", "WITHSCORE"),
    ("zrevrank", "WITHSCORE"),
];

/// Option tokens whose outcome depends on the clock.
const CLOCK_TOKENS: &[(&str, &str)] = &[("xadd", "*")];

/// Most repetitions of one argument.
const REPETITIONS: usize = 4;
/// How often one argument for each key is so, where it must be.
const ONE_PER_KEY_PERCENT: usize = 95;
/// How often a refused request is replaced before PING takes its place.
const ATTEMPTS: usize = 50;

/// A row as the generator sees it.
#[derive(Debug)]
pub struct Form {
    /// `get` or `object|encoding`.
    pub name: &'static str,
    /// The row.
    pub row: &'static Command,
    arguments: Vec<Argument>,
}

/// How a round writes its requests.
#[derive(Clone, Debug)]
pub struct Style {
    /// Which values it prefers.
    pub taste: Taste,
    /// How often an optional argument is there.
    pub optional_percent: usize,
    /// How often a request is bent so that it may be wrong.
    pub bent_percent: usize,
}

/// The rows that take part: `known` are the reference's commands, as COMMAND LIST spells them.
///
/// # Errors
/// A row whose syntax cannot be read.
pub fn forms(known: &BTreeSet<String>) -> Result<Vec<Form>, String> {
    let mut forms = Vec::new();
    for id in registry().iter().filter(|id| takes_part(*id) && known.contains(id.full_name())) {
        let row = id.row();
        let arguments = syntax::arguments(row).map_err(|e| format!("{}: {e}", id.full_name()))?;
        forms.push(Form { name: id.full_name(), row, arguments });
    }
    Ok(forms)
}

fn takes_part(id: CommandId) -> bool {
    let name = id.full_name();
    let is_container = !id.row().subcommands.is_empty();
    let is_listed = GROUPS.contains(&id.row().group) || MORE.contains(&name);
    is_listed && !is_container && !LEFT_OUT.iter().any(|(left_out, _)| *left_out == name)
}

impl Form {
    /// A request of this form.
    pub fn request(&self, style: &Style, random: &mut Random) -> Request {
        for _ in 0..ATTEMPTS {
            let mut request = self.straight(style, random);
            if random.percent(style.bent_percent) {
                bend(&mut request, random);
            }
            let is_chance = pops_at_random(&request) && !style.taste.pops_at_random;
            if !is_chance && judge(&request) != Verdict::Refused {
                return request;
            }
        }
        vec![b"PING".to_vec()]
    }

    fn straight(&self, style: &Style, random: &mut Random) -> Request {
        let mut writer = Writer { form: self, style, random, numkeys_at: None, keys: 0 };
        let mut request: Request = self.name.split('|').map(|word| writer.in_any_case(word)).collect();
        // Servers take neighbouring options in any order, and only there.
        let mut options: Vec<Request> = Vec::new();
        for argument in &self.arguments {
            if !argument.optional {
                request.extend(options.drain(..).flatten());
                writer.write(argument, &mut request);
                continue;
            }
            let mut words = Request::new();
            writer.write(argument, &mut words);
            let place = if writer.random.percent(30) { writer.random.below(options.len() + 1) } else { options.len() };
            options.insert(place, words);
        }
        request.extend(options.into_iter().flatten());
        self.fit_bounds(&mut request, style, random);
        request
    }

    /// Makes the bounds of ZRANGE fit its options, which stand behind them.
    fn fit_bounds(&self, request: &mut Request, style: &Style, random: &mut Random) {
        let first = match self.name {
            "zrange" => 2,
            "zrangestore" => 3,
            _ => return,
        };
        let has = |word: &[u8]| request.iter().any(|it| it.eq_ignore_ascii_case(word));
        let bound = match (has(b"byscore"), has(b"bylex")) {
            (true, _) => score_bound,
            (_, true) => lex_bound,
            // ZRANGESTORE calls its bounds min and max whatever they are.
            _ => |_: bool, random: &mut Random| Some(random.between(-6, 8).to_string().into_bytes()),
        };
        for word in request.iter_mut().skip(first).take(2) {
            let odd = random.percent(style.taste.odd_percent);
            word.clone_from(&bound(odd, random).expect("every kind of bound has words"));
        }
    }
}

struct Writer<'a> {
    form: &'a Form,
    style: &'a Style,
    random: &'a mut Random,
    /// Where the number of keys stands that are still to be written.
    numkeys_at: Option<usize>,
    /// How many keys the last row of them had.
    keys: usize,
}

impl Writer<'_> {
    fn write(&mut self, argument: &Argument, out: &mut Request) {
        if argument.optional && (!self.random.percent(self.style.optional_percent) || self.is_unusable(argument)) {
            return;
        }
        let times = self.times(argument);
        for time in 0..times {
            if let Some(token) = &argument.token
                && (time == 0 || argument.multiple_token)
            {
                let token = self.in_any_case(token);
                out.push(token);
            }
            self.write_once(argument, out);
        }
        if argument.kind == Kind::Key && argument.multiple {
            self.keys = times;
            let is_odd = self.random.percent(self.style.taste.odd_percent / 2);
            if let Some(at) = self.numkeys_at.take().filter(|_| !is_odd) {
                out[at] = times.to_string().into_bytes();
            }
        }
        if argument.name == "numkeys" {
            self.numkeys_at = Some(out.len() - 1);
        }
    }

    fn times(&mut self, argument: &Argument) -> usize {
        let is_id = argument.name.eq_ignore_ascii_case("id") && self.form.name.starts_with("xread");
        match argument.multiple {
            false => 1,
            true if (is_id || argument.name == "weight") && self.random.percent(ONE_PER_KEY_PERCENT) => {
                self.keys.max(1)
            }
            true => 1 + self.random.below(REPETITIONS),
        }
    }

    fn write_once(&mut self, argument: &Argument, out: &mut Request) {
        match &argument.kind {
            Kind::PureToken => {}
            Kind::Block(children) => children.iter().for_each(|child| self.write(child, out)),
            Kind::OneOf(children) => {
                let usable: Vec<&Argument> = children.iter().filter(|child| !self.is_unusable(child)).collect();
                if !usable.is_empty() {
                    let child = *self.random.pick(&usable);
                    self.write(child, out);
                }
            }
            _ => out.push(value(argument, self.form.row, &self.style.taste, self.random)),
        }
    }

    fn is_unusable(&self, argument: &Argument) -> bool {
        if argument.token.as_deref() == Some("BYLEX") && self.style.taste.scores != Scores::Equal {
            return true;
        }
        let is_same =
            |(command, token): &(&str, &str)| *command == self.form.name && argument.token.as_deref() == Some(*token);
        NEWER_TOKENS.iter().chain(CLOCK_TOKENS).any(is_same)
    }

    /// Names and tokens are mostly in upper case, sometimes not.
    fn in_any_case(&mut self, word: &str) -> Vec<u8> {
        let mut bytes = word.to_ascii_uppercase().into_bytes();
        match self.random.below(10) {
            0 => bytes.make_ascii_lowercase(),
            1 => bytes[..1].make_ascii_lowercase(),
            _ => {}
        }
        bytes
    }
}

/// Whether it depends on chance what a set keeps.
fn pops_at_random(request: &Request) -> bool {
    let empties = || request.get(2).is_some_and(|count| count.len() > 3 || count.iter().any(|b| !b.is_ascii_digit()));
    request[0].eq_ignore_ascii_case(b"spop") && request.len() < 4 && !empties()
}

/// Drops, doubles, swaps or replaces a word behind the name, or adds one.
fn bend(request: &mut Request, random: &mut Random) {
    if request.len() < 2 {
        request.push(random.pick(JUNK).to_vec());
        return;
    }
    let at = 1 + random.below(request.len() - 1);
    match random.below(6) {
        0 => drop(request.remove(at)),
        1 => request.truncate(at),
        2 => request.insert(at, request[at].clone()),
        3 => {
            let other = 1 + random.below(request.len() - 1);
            request.swap(at, other);
        }
        4 => request[at] = random.pick(JUNK).to_vec(),
        _ => request.push(random.pick(JUNK).to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::families::Family;
    use super::super::values::KEYS;
    use super::*;

    #[test]
    fn writes_what_the_grammar_allows() {
        let known = registry().iter().map(|id| id.full_name().to_owned()).collect();
        let forms = forms(&known).expect("every syntax is readable");
        let taste = Taste {
            keys: vec![KEYS[0].to_vec()],
            families: Family::ALL.to_vec(),
            odd_percent: 20,
            sets_expired_keys: true,
            pops_at_random: false,
            scores: Scores::Equal,
        };
        let style = Style { taste, optional_percent: 60, bent_percent: 0 };
        let mut random = Random::new(1);
        for form in &forms {
            for _ in 0..200 {
                let request = form.request(&style, &mut random);
                assert!(form.row.accepts(request.len()), "{}: {request:?}", form.name);
                let is_newer = |word: &Vec<u8>| {
                    let is_token = |(name, token): &(&str, &str)| *name == form.name && token.as_bytes() == word;
                    NEWER_TOKENS.iter().any(is_token)
                };
                assert!(!request.iter().any(is_newer), "{request:?}");
            }
        }
    }
}
