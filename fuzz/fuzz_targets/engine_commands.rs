//! Sequences of commands from the table: one reply to each, and the same bytes from an engine with the same seed.
#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use larder_core::command::syntax::{self, Argument, Kind};
use larder_core::command::{CommandId, registry};
use larder_fuzz::{START_MS, engine, lifts_limits, replies};
use libfuzzer_sys::fuzz_target;

/// Most commands in one run.
const MAX_COMMANDS: usize = 48;
/// Most repetitions of one argument.
const MAX_REPETITIONS: usize = 3;

/// Rows that break the rule of one reply to each command, by what they are for.
const LEFT_OUT: &[&str] = &["client|reply", "client|pause", "client|kill", "quit", "shutdown"];

const KEYS: &[&str] = &["a", "b", "c", "{a}d", ""];
const NUMBERS: &[&str] = &[
    "0",
    "1",
    "-1",
    "2",
    "7",
    "8",
    "63",
    "100",
    "1000",
    "-9223372036854775808",
    "9223372036854775807",
    "1048576",
    "8388607",
    "4294967295",
    "01",
    "1e3",
    "0.5",
    "-inf",
    "nan",
    "3.0e4931",
];
const STRINGS: &[&str] = &["", "x", "hello", "12", "0.1", "*", "[a-", "u8", "i64", "#1", "\r\n", "\0\u{e9}"];

#[derive(Debug)]
struct Commands(Vec<(u16, Vec<Vec<u8>>)>);

impl<'a> Arbitrary<'a> for Commands {
    fn arbitrary(source: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let mut commands = Vec::new();
        while !source.is_empty() && commands.len() < MAX_COMMANDS {
            let wait_ms = source.arbitrary::<u8>()?;
            let words = words(source)?;
            // A quarter of the gaps is long enough for keys to expire.
            commands.push((u16::from(wait_ms) * u16::from(wait_ms > 191), words));
        }
        Ok(Self(commands))
    }
}

fuzz_target!(|commands: Commands| {
    if commands.0.iter().flat_map(|(_, words)| words).any(|word| lifts_limits(word)) {
        return;
    }
    let mut first = Vec::new();
    run(&commands, |out| first.push(out.to_vec()));
    let mut first = first.into_iter();
    run(&commands, |out| assert_eq!(first.next().as_deref(), Some(out)));
});

fn run(commands: &Commands, mut check: impl FnMut(&[u8])) {
    let mut engine = engine(7);
    let mut now_ms = START_MS;
    let client = engine.open(now_ms);
    let mut out = Vec::new();
    for (wait_ms, words) in &commands.0 {
        now_ms += u64::from(*wait_ms);
        engine.exec(client, &encoded(words), now_ms, &mut out);
        engine.tick(now_ms);
        assert_eq!(replies(&out).len(), 1, "{words:?}: {}", out.escape_ascii());
        check(&out);
        out.clear();
        if !engine.is_open(client) {
            return;
        }
    }
}

fn encoded(words: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend(format!("${}\r\n", word.len()).bytes());
        bytes.extend(word);
        bytes.extend(b"\r\n");
    }
    bytes
}

fn words(source: &mut Unstructured<'_>) -> arbitrary::Result<Vec<Vec<u8>>> {
    let index = source.choose_index(registry().len())?;
    let id = CommandId::from_index(index).expect("the registry has that many");
    if LEFT_OUT.contains(&id.full_name()) {
        return Ok(vec![b"PING".to_vec()]);
    }
    let mut words: Vec<Vec<u8>> = id.full_name().split('|').map(|word| word.as_bytes().to_vec()).collect();
    for argument in syntax::arguments(id.row()).expect("rows have a syntax that parses") {
        write(&argument, source, &mut words)?;
    }
    // Now and then a request that does not fit the grammar.
    match source.arbitrary::<u8>()? {
        0..8 => words.push(string(source)?),
        8..16 if words.len() > 1 => drop(words.pop()),
        _ => {}
    }
    Ok(words)
}

fn write(argument: &Argument, source: &mut Unstructured<'_>, out: &mut Vec<Vec<u8>>) -> arbitrary::Result<()> {
    if argument.optional && source.ratio(1u8, 2)? {
        return Ok(());
    }
    let times = if argument.multiple { source.int_in_range(1..=MAX_REPETITIONS)? } else { 1 };
    for time in 0..times {
        if let Some(token) = argument.token.as_ref().filter(|_| time == 0 || argument.multiple_token) {
            out.push(token.as_bytes().to_vec());
        }
        match &argument.kind {
            Kind::PureToken => {}
            Kind::OneOf(children) => write(source.choose(children)?, source, out)?,
            Kind::Block(children) => {
                for child in children {
                    write(child, source, out)?;
                }
            }
            Kind::Key => out.push(source.choose(KEYS)?.as_bytes().to_vec()),
            Kind::Integer | Kind::Double => out.push(source.choose(NUMBERS)?.as_bytes().to_vec()),
            // Around the start of the run, so that keys expire within it.
            Kind::UnixTime => {
                let offset = source.int_in_range(-1000..=1000i64)?;
                let unit = if argument.name.contains("milli") { 1 } else { 1000 };
                let time = (START_MS as i64 / unit).saturating_add(offset);
                out.push(time.to_string().into_bytes());
            }
            Kind::String | Kind::Pattern => out.push(string(source)?),
        }
    }
    Ok(())
}

fn string(source: &mut Unstructured<'_>) -> arbitrary::Result<Vec<u8>> {
    if source.ratio(3u8, 4)? {
        return Ok(source.choose(STRINGS)?.as_bytes().to_vec());
    }
    let length = source.int_in_range(0..=24usize)?;
    Ok(source.bytes(length.min(source.len()))?.to_vec())
}
