//! The command line: subcommands by clap, and redis.conf directives as options of `serve`.

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use larder_core::settings::{Directive, Fault, Inert, Origin, Pair, Parameter, Settings, SettingsError};

use crate::conf_file::{self, Located, Place};
use crate::export::{self, Target};
use crate::import;
use crate::store::Kind;

/// Most words of a command line that `serve` looks at.
const MAX_WORDS: usize = 4096;

/// What to do.
#[derive(Debug)]
pub enum Command {
    /// Start the server.
    Serve(Box<Start>),
    /// Look at a folder of data, and perhaps save what can be read of it to another.
    Check {
        /// The folder.
        folder: PathBuf,
        /// Where to save to.
        salvage: Option<PathBuf>,
    },
    /// Write the data as Redis's files.
    Export(export::Request),
    /// Take over Redis's files.
    Import(Box<import::Request>),
}

/// How the server starts.
#[derive(Debug, PartialEq)]
pub struct Start {
    /// All settings; `dir` is absolute and exists.
    pub settings: Settings,
    /// The configuration file as an absolute path, for CONFIG REWRITE.
    pub config_file: Option<PathBuf>,
    /// Lines to log as warnings: what was accepted and has no effect.
    pub notices: Vec<String>,
}

/// The process ends here: help, a refused configuration or bad usage.
#[derive(Debug, PartialEq, Eq)]
pub struct Exit {
    /// 0 clean, 1 could not start, 2 bad usage.
    pub code: u8,
    /// What to print: to standard output if the code is 0, else to standard error.
    pub text: String,
}

impl Exit {
    /// The server could not start. The message is one line; the program's name is put before it.
    pub fn could_not_start(why: impl std::fmt::Display) -> Exit {
        Exit { code: 1, text: format!("larder: {why}\n") }
    }

    /// The command line makes no sense.
    fn bad_usage(why: impl std::fmt::Display) -> Exit {
        Exit { code: 2, text: format!("larder: {why}\nTry 'larder serve --help'.\n") }
    }

    /// Prints the text where it belongs and returns the code for `main`.
    pub fn report(self) -> ExitCode {
        let text = self.text.as_bytes();
        // A closed pipe must not hide the exit code.
        let _ignored = match self.code {
            0 => std::io::stdout().write_all(text),
            _ => std::io::stderr().write_all(text),
        };
        ExitCode::from(self.code)
    }
}

/// Larder, an edge cache that speaks Redis, REST and WebSocket.
///
/// Without a command it serves with the defaults: RESP on 127.0.0.1:6379, HTTP on 127.0.0.1:7379.
#[derive(Parser)]
#[command(name = "larder", version, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Action>,
}

#[derive(Subcommand)]
enum Action {
    /// Start the server.
    #[command(override_usage = "larder serve [FILE] [--NAME VALUE …]", after_help = SERVE_HELP)]
    Serve {
        /// FILE and directives; taken apart by hand because any redis.conf directive is an option.
        #[arg(hide = true, trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<OsString>,
    },
    /// Read a folder of data and say whether it is sound: exit code 0 if a server would start on it, 1 if not.
    Check {
        /// The folder that --dir names.
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// Copy what can be read, without a gap, to this empty folder. DIR is not changed.
        #[arg(long, value_name = "OUT")]
        salvage: Option<PathBuf>,
    },
    /// Write the data of a server that is not running as an RDB file or a folder of append-only files.
    #[command(group = clap::ArgGroup::new("target").required(true).args(["rdb", "aof"]))]
    Export {
        /// Write an RDB file.
        #[arg(long, value_name = "FILE")]
        rdb: Option<PathBuf>,
        /// Write a new folder of append-only files, which Redis calls appendonlydir.
        #[arg(long, value_name = "DIR")]
        aof: Option<PathBuf>,
        /// The folder that the server's --dir names.
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// 10 for Redis 7.0, 11 for 7.2, 12 for 7.4, the first that knows expiries of fields.
        #[arg(long, value_name = "NUMBER", default_value_t = 11)]
        #[arg(value_parser = clap::value_parser!(u16).range(10..=12))]
        rdb_version: u16,
    },
    /// Take over an RDB file, an append-only file or a folder of them while the server is not running.
    Import {
        /// An RDB file, an append-only file, Redis's appendonlydir or the folder around it.
        source: PathBuf,
        /// The folder that the server's --dir names. It must not hold data.
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// Give up the data that is there.
        #[arg(long)]
        replace: bool,
        /// The server's configuration file: hash-max-listpack-entries and the like decide how values are kept.
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// The server's options, such as --hash-max-listpack-entries 100.
        #[arg(last = true, value_name = "--NAME VALUE")]
        options: Vec<OsString>,
    },
}

/// Where data lives if nothing else is said; made at the first start.
const DEFAULT_FOLDER: &str = "larder-data";

const SERVE_HELP: &str = "\
FILE is a configuration file in the syntax of redis.conf. Every directive is an option too and overrides the file.

  --port 6379            port for Redis clients; 0 turns it off
  --http-port 7379       port for REST, WebSocket and the console; 0 turns it off
  --bind 127.0.0.1       addresses to listen on; --http-bind gives HTTP its own
  --requirepass TEXT     password that clients must give
  --store file           where data lives: file, memory to keep nothing, or a URL: s3://BUCKET/PREFIX, gs://, az://,
                         file:///FOLDER
  --dir larder-data      directory of data files; without --dir it is made if it is missing
  --appendfsync WHEN     flush the log always, everysec or no
  --maxmemory 1gb        limit of the data; --maxmemory-policy says what makes room
  --loglevel notice      debug, verbose, notice or warning
  --log-format text      text or json; --logfile FILE instead of standard error
  --NAME VALUE …         any other directive; its values run until the next --NAME

Examples:
  larder serve
  larder serve /etc/redis/redis.conf --port 7000
  larder serve --maxmemory 256mb --maxmemory-policy allkeys-lru
  larder serve --bind 0.0.0.0 --requirepass secret --http-port 0

Exit codes: 0 clean, 1 could not start, 2 bad usage.";

/// Reads the command line, the program's own name first, and the configuration file it names.
///
/// # Errors
///
/// An [`Exit`] with code 0 for help and version, 1 for a configuration that is refused, 2 for bad usage.
pub fn parse(words: impl Iterator<Item = OsString>) -> Result<Command, Exit> {
    let mut words: Vec<OsString> = words.take(MAX_WORDS + 1).collect();
    if words.len() > MAX_WORDS {
        return Err(Exit::bad_usage(format!("more than {MAX_WORDS} words")));
    }
    // `larder --port 7000` means `larder serve --port 7000`.
    let first = words.get(1).and_then(|word| word.to_str()).unwrap_or_default();
    if first.starts_with("--") && first.len() > 2 && !["--help", "--version"].contains(&first) {
        words.insert(1, "serve".into());
    }
    let cli = Cli::try_parse_from(words).map_err(clap_exit)?;
    let words = match cli.command {
        Some(Action::Serve { words }) => words,
        Some(Action::Check { folder, salvage }) => return Ok(Command::Check { folder, salvage }),
        Some(Action::Export { rdb, aof, dir, rdb_version: version }) => {
            // The group has seen to it that one of them is there.
            let target = rdb.map(Target::Rdb).or(aof.map(Target::Aof));
            let target = target.ok_or_else(|| Exit::bad_usage("export wants --rdb or --aof"))?;
            return Ok(Command::Export(export::Request { dir, target, version }));
        }
        Some(Action::Import { source, dir, replace: replaces, config, options }) => {
            let (stray, options) = split(&options)?;
            if let Some(stray) = stray {
                return Err(Exit::bad_usage(format!("unexpected argument '{}'", stray.display())));
            }
            let (settings, _) = settings(config.as_deref(), options)?;
            return Ok(Command::Import(Box::new(import::Request { source, dir, replaces, settings })));
        }
        None => Vec::new(),
    };
    Ok(Command::Serve(Box::new(serve(&words)?)))
}

/// Clap's answers: help and version end well, all else is bad usage.
fn clap_exit(error: clap::Error) -> Exit {
    let code = if error.use_stderr() { 2 } else { 0 };
    Exit { code, text: error.render().to_string() }
}

fn serve(words: &[OsString]) -> Result<Start, Exit> {
    let (file, options) = split(words)?;
    let (mut settings, directives) = settings(file, options)?;
    check_store(&settings).map_err(|why| blame(&directives, "store", &why))?;
    settings.dir = folder(&settings.dir).map_err(|why| blame(&directives, "dir", &why))?;
    Ok(Start {
        notices: notices(&settings, &directives),
        settings,
        config_file: file.map(|file| std::path::absolute(file).unwrap_or_else(|_| file.to_owned())),
    })
}

/// The settings of a configuration file and of options, which come after it, and the directives behind them.
fn settings(file: Option<&Path>, options: Vec<Located>) -> Result<(Settings, Vec<Located>), Exit> {
    let mut directives = match file {
        Some(file) => conf_file::read(file).map_err(Exit::could_not_start)?,
        None => Vec::new(),
    };
    directives.extend(options);
    check_word_counts(&directives)?;
    drop_empty(&mut directives);
    let mut settings = Settings { store: "file".to_owned(), dir: DEFAULT_FOLDER.to_owned(), ..Settings::default() };
    let pairs: Vec<Pair<'_>> =
        directives.iter().map(|one| (&one.directive.name[..], &one.directive.value[..])).collect();
    settings.set_all(&pairs, Origin::Start).map_err(|error| refusal(&error, &directives))?;
    Ok((settings, directives))
}

/// Takes out lines without a value that say nothing in Redis: `client-output-buffer-limit`, and `save` but for the
/// first one.
fn drop_empty(directives: &mut Vec<Located>) {
    let mut saves = 0;
    directives.retain(|one| {
        let is = |name: &str| one.directive.name.eq_ignore_ascii_case(name.as_bytes());
        saves += usize::from(is("save"));
        let says_nothing = is("client-output-buffer-limit") || (is("save") && saves > 1);
        one.directive.word_count > 0 || !says_nothing
    });
}

/// Takes the words of `serve` apart: a file if one stands first, then options with the values up to the next option.
fn split(words: &[OsString]) -> Result<(Option<&Path>, Vec<Located>), Exit> {
    let (file, mut rest) = match words.split_first() {
        Some((first, rest)) if !first.as_encoded_bytes().starts_with(b"-") => (Some(Path::new(first)), rest),
        _ => (None, words),
    };
    let mut options = Vec::new();
    while let Some((option, after)) = rest.split_first() {
        let shown = option.to_string_lossy();
        let Some(name) = option.as_encoded_bytes().strip_prefix(b"--").filter(|name| !name.is_empty()) else {
            return Err(match option.as_encoded_bytes() {
                b"-h" => help("--help"),
                b"-V" => help("--version"),
                _ => Exit::bad_usage(format!("unexpected argument '{shown}'")),
            });
        };
        if name == b"help" || name == b"version" {
            return Err(help(&shown));
        }
        let count = after.iter().take_while(|word| !is_option(word)).count();
        let (values, next) = after.split_at(count);
        rest = next;
        options.push(Located { directive: option_directive(name, values)?, place: Place::CommandLine });
    }
    Ok((file, options))
}

/// The directive of one option; `--name=value` is the way to give a value that begins with `--`.
fn option_directive(option: &[u8], values: &[OsString]) -> Result<Directive, Exit> {
    let mut values: Vec<Vec<u8>> = values.iter().map(|word| word.as_encoded_bytes().to_vec()).collect();
    let mut name = option;
    if let Some(equals) = option.iter().position(|byte| *byte == b'=') {
        name = &option[..equals];
        values.insert(0, option[equals + 1..].to_vec());
    }
    if Parameter::find(name).is_none() && Inert::find(name).is_none() {
        return Err(Exit::bad_usage(format!("unknown option '--{}'", String::from_utf8_lossy(name))));
    }
    Ok(Directive::new(name.to_vec(), &values))
}

fn is_option(word: &OsString) -> bool {
    word.as_encoded_bytes().starts_with(b"--")
}

/// What clap says to `--help` or `--version`, wherever the flag stood.
fn help(flag: &str) -> Exit {
    let words: &[&str] = if flag == "--help" { &["larder", "serve", flag] } else { &["larder", flag] };
    match Cli::try_parse_from(words) {
        Err(shown) => clap_exit(shown),
        Ok(_) => Exit::bad_usage(format!("unexpected argument '{flag}'")),
    }
}

/// Several words are fine for lists only; Redis refuses others before it looks at the value.
fn check_word_counts(directives: &[Located]) -> Result<(), Exit> {
    match directives.iter().find(|one| !one.directive.word_count_fits()) {
        Some(one) => Err(at(one, "wrong number of arguments")),
        None => Ok(()),
    }
}

/// Turns a refused pair into the line the user sees.
fn refusal(error: &SettingsError, directives: &[Located]) -> Exit {
    let Some(one) = directives.get(error.index) else {
        return Exit::could_not_start(error);
    };
    let name = &error.name;
    match &error.fault {
        Fault::Unknown => Exit::could_not_start(format!("unknown directive '{name}' ({})", one.place)),
        Fault::Unsupported => at(one, "not supported by this version of Larder"),
        Fault::Refused(reason) => at(one, reason),
    }
}

/// One line for a refused directive, with the place it was written at.
fn at(one: &Located, why: &str) -> Exit {
    let name = String::from_utf8_lossy(&one.directive.name);
    Exit::could_not_start(match &one.place {
        Place::CommandLine => format!("--{name}: {why}"),
        place => format!("{name}: {why} ({place})"),
    })
}

/// As [`at`] for the last directive of this name, or for the default if there is none.
fn blame(directives: &[Located], name: &str, why: &str) -> Exit {
    let named = |one: &&Located| one.directive.name.eq_ignore_ascii_case(name.as_bytes());
    match directives.iter().rfind(named) {
        Some(one) => at(one, why),
        None => Exit::could_not_start(format!("{name}: {why}")),
    }
}

/// Whether this version has such a store.
fn check_store(settings: &Settings) -> Result<(), String> {
    Kind::parse(&settings.store).map(drop)
}

/// The folder of the data as an absolute path. It must exist, but for the one that nobody has named.
fn folder(dir: &str) -> Result<String, String> {
    let path = match fs::canonicalize(dir) {
        Err(_) if dir == DEFAULT_FOLDER => std::path::absolute(dir).map_err(|error| conf_file::reason(&error))?,
        path => path.map_err(|error| conf_file::reason(&error))?,
    };
    if path.exists() && !path.is_dir() {
        return Err("Not a directory".to_owned());
    }
    path.into_os_string().into_string().map_err(|_| "argument must be UTF-8 text".to_owned())
}

/// Says what was asked for and will not happen.
fn notices(settings: &Settings, directives: &[Located]) -> Vec<String> {
    let mut notices = Vec::new();
    if settings.store == "memory" && (settings.appendonly || !settings.save.0.is_empty()) {
        notices.push("nothing is written to disk while store is memory, whatever save and appendonly say".to_owned());
    }
    let mut inert: Vec<String> = directives
        .iter()
        .filter(|one| Inert::find(&one.directive.name) == Some(Inert::Harmless))
        .map(|one| String::from_utf8_lossy(&one.directive.name).to_ascii_lowercase())
        .collect();
    inert.sort_unstable();
    inert.dedup();
    if !inert.is_empty() {
        notices.push(format!("directives without effect in Larder: {}", inert.join(", ")));
    }
    notices
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(words: &[&str]) -> Result<Start, Exit> {
        let words = std::iter::once("larder").chain(words.iter().copied());
        match parse(words.map(OsString::from))? {
            Command::Serve(start) => Ok(*start),
            other => panic!("no server: {other:?}"),
        }
    }

    /// A file of these lines that is removed again.
    struct ConfFile(PathBuf);

    impl ConfFile {
        fn new(name: &str, text: &str) -> ConfFile {
            let path = std::env::temp_dir().join(format!("larder-cli-{name}-{}.conf", std::process::id()));
            fs::write(&path, text).expect("the temporary directory is writable");
            ConfFile(path)
        }

        fn path(&self) -> &str {
            self.0.to_str().expect("the temporary directory has a plain name")
        }
    }

    impl Drop for ConfFile {
        fn drop(&mut self) {
            // Nothing depends on the file being gone.
            let _ignored = fs::remove_file(&self.0);
        }
    }

    fn value(start: &Start, name: &str) -> String {
        start.settings.get(name.as_bytes()).remove(0).1
    }

    #[test]
    fn no_words_serve_the_defaults() {
        for words in [&[][..], &["serve"]] {
            let mut start = run(words).expect("the defaults start");
            assert!(Path::new(&start.settings.dir).is_absolute() && start.settings.dir.ends_with(DEFAULT_FOLDER));
            start.settings.dir = Settings::default().dir;
            let settings = Settings { store: "file".to_owned(), ..Settings::default() };
            let expected = Start { settings, config_file: None, notices: Vec::new() };
            assert_eq!(start, expected);
        }
    }

    #[test]
    fn options_are_directives() {
        let cases: [(&[&str], &str, &str); 11] = [
            (&["serve", "--port", "7000"], "port", "7000"),
            (&["--port", "7000"], "port", "7000"),
            (&["serve", "--port=7000"], "port", "7000"),
            (&["serve", "--PORT", "1", "--port", "2"], "port", "2"),
            (&["serve", "--save", "3600", "1", "--port", "0"], "save", "3600 1"),
            (&["serve", "--save", "3600 1 60 2"], "save", "3600 1 60 2"),
            (&["serve", "--save", "1", "2", "--save", ""], "save", ""),
            (&["serve", "--bind", "127.0.0.1", "-::1"], "bind", "127.0.0.1 -::1"),
            (&["serve", "--list-max-listpack-size", "-5"], "list-max-listpack-size", "-5"),
            (&["serve", "--requirepass=--x=y", "--http-port", "0"], "requirepass", "--x=y"),
            (&["serve", "--maxmemory", "1gb", "--store", "memory"], "maxmemory", "1073741824"),
        ];
        for (words, name, expected) in cases {
            assert_eq!(value(&run(words).expect("the options are good"), name), expected, "{words:?}");
        }
    }

    #[test]
    fn the_command_line_overrides_the_file() {
        let file =
            ConfFile::new("over", "port 1\ntimeout 7\nstore memory\nsave 1 2\nsave 3 4\ndaemonize yes\npidfile /x\n");
        let start = run(&["serve", file.path(), "--port", "2"]).expect("both are good");
        assert_eq!((value(&start, "port"), value(&start, "timeout")), ("2".to_owned(), "7".to_owned()));
        assert_eq!(value(&start, "save"), "1 2 3 4");
        assert_eq!(start.config_file.as_deref(), Some(file.0.as_path()));
        let expected = [
            "nothing is written to disk while store is memory, whatever save and appendonly say",
            "directives without effect in Larder: daemonize, pidfile",
        ];
        assert_eq!(start.notices, expected);
    }

    #[test]
    fn bad_options_say_why_in_one_line() {
        let none = "use 'file', 'memory' or a URL such as s3://bucket";
        let cases: [(&[&str], u8, &str); 15] = [
            (&["serve", "--port", "70000"], 1, "--port: argument must be between 0 and 65535 inclusive"),
            (&["serve", "--timeout"], 1, "--timeout: wrong number of arguments"),
            (&["serve", "--port", "1", "2"], 1, "--port: wrong number of arguments"),
            (&["serve", "--save", "1"], 1, "--save: Invalid save parameters"),
            (&["serve", "--maxmemory", "1tb"], 1, "--maxmemory: argument must be a memory value"),
            (&["serve", "--dir", "/no/such"], 1, "--dir: No such file or directory"),
            (&["serve", "--dir", "/dev/null"], 1, "--dir: Not a directory"),
            (&["serve", "--store", "tape"], 1, &format!("--store: there is no store 'tape'; {none}")),
            (&["serve", "--store", "s3://"], 1, "--store: the URL names no bucket; use s3://BUCKET/PREFIX"),
            (&["serve", "--replicaof", "h", "1"], 1, "--replicaof: not supported by this version of Larder"),
            (&["serve", "--cluster-enabled", "yes"], 1, "--cluster-enabled: not supported by this version of Larder"),
            (&["serve", "/no/such.conf"], 1, "cannot read /no/such.conf: No such file or directory"),
            (&["serve", "--foo", "1"], 2, "unknown option '--foo'\nTry 'larder serve --help'."),
            (&["--foo"], 2, "unknown option '--foo'\nTry 'larder serve --help'."),
            (&["serve", "-p", "1"], 2, "unexpected argument '-p'\nTry 'larder serve --help'."),
        ];
        for (words, code, text) in cases {
            assert_eq!(run(words), Err(Exit { code, text: format!("larder: {text}\n") }), "{words:?}");
        }
    }

    #[test]
    fn bad_lines_name_the_file() {
        let cases = [
            ("port 1\n\nfoo bar", "unknown directive 'foo' (line 3 of FILE)"),
            ("timeout abc", "timeout: argument couldn't be parsed into an integer (line 1 of FILE)"),
            ("timeout", "timeout: wrong number of arguments (line 1 of FILE)"),
            ("maxmemory 1 2", "maxmemory: wrong number of arguments (line 1 of FILE)"),
            ("notify-keyspace-events K E", "notify-keyspace-events: wrong number of arguments (line 1 of FILE)"),
            ("#\nrequirepass \"a", "unbalanced quotes (line 2 of FILE)"),
            ("dir .\ndir /no/such", "dir: No such file or directory (line 2 of FILE)"),
            ("user default on", "user: not supported by this version of Larder (line 1 of FILE)"),
            ("unixsocketperm 999", "unixsocketperm: argument couldn't be parsed as an octal number (line 1 of FILE)"),
            (
                "bind 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17",
                "bind: Too many bind addresses specified. (line 1 of FILE)",
            ),
        ];
        for (index, (text, expected)) in cases.into_iter().enumerate() {
            let file = ConfFile::new(&format!("bad{index}"), text);
            let text = format!("larder: {}\n", expected.replace("FILE", file.path()));
            assert_eq!(run(&["serve", file.path()]), Err(Exit { code: 1, text }));
        }
    }

    #[test]
    fn help_version_and_unknown_commands() {
        let cases: [(&[&str], u8, &str); 9] = [
            (&["--help"], 0, "serve"),
            (&["-h"], 0, "serve"),
            (&["--version"], 0, concat!("larder ", env!("CARGO_PKG_VERSION"))),
            (&["-V"], 0, "larder "),
            (&["serve", "--help"], 0, "--http-port 7379"),
            (&["serve", "x.conf", "--port", "1", "--help"], 0, "--http-port 7379"),
            (&["serve", "--port", "1", "-V"], 1, "--port: wrong number of arguments"),
            (&["nonsense"], 2, "unrecognized subcommand 'nonsense'"),
            (&["/etc/redis.conf"], 2, "unrecognized subcommand"),
        ];
        for (words, code, part) in cases {
            let exit = run(words).expect_err("none of these starts");
            assert_eq!(exit.code, code, "{words:?}: {}", exit.text);
            assert!(exit.text.contains(part), "{words:?}: {}", exit.text);
        }
    }

    #[test]
    fn tools_take_their_files() {
        let parse = |words: &[&str]| {
            let words = std::iter::once("larder").chain(words.iter().copied());
            parse(words.map(OsString::from)).map_err(|exit| exit.code)
        };
        let Ok(Command::Export(request)) = parse(&["export", "--dir", "d", "--rdb", "f", "--rdb-version", "10"]) else {
            panic!("it exports");
        };
        assert_eq!((request.target, request.version), (Target::Rdb("f".into()), 10));
        let Ok(Command::Import(request)) = parse(&["import", "f", "--dir", "d"]) else { panic!("it imports") };
        let settings = Settings { store: "file".to_owned(), dir: DEFAULT_FOLDER.to_owned(), ..Settings::default() };
        let expected = import::Request { source: "f".into(), dir: "d".into(), replaces: false, settings };
        assert_eq!(*request, expected);
        let file = ConfFile::new("import", "hash-max-listpack-entries 7\nset-max-intset-entries 8\n");
        let words = ["import", "f", "--dir", "d", "--config", file.path(), "--", "--hash-max-listpack-entries", "9"];
        let Ok(Command::Import(request)) = parse(&words) else { panic!("it imports") };
        assert_eq!((request.settings.hash_max_listpack_entries, request.settings.set_max_intset_entries), (9, 8));
        assert_eq!(parse(&["import", "f", "--dir", "d", "--", "--save", "x"]).expect_err("no save points"), 1);
        for words in [
            &["export", "--dir", "d"][..],
            &["export", "--dir", "d", "--rdb", "f", "--aof", "g"],
            &["export", "--rdb", "f"],
            &["export", "--dir", "d", "--rdb", "f", "--rdb-version", "13"],
            &["import", "--dir", "d"],
            &["import", "f", "--dir", "d", "--", "stray"],
            &["import", "f", "--dir", "d", "--", "--nosuch", "1"],
            &["import", "f"],
        ] {
            assert_eq!(parse(words).expect_err("it is bad usage"), 2, "{words:?}");
        }
    }

    #[test]
    fn a_line_of_every_parameter_starts() {
        let defaults = Settings::default();
        let quoted = |text: &str| larder_core::settings::quote(text.as_bytes());
        let line = |row: &Parameter| format!("{} {}\n", row.name, quoted(&(row.text)(&defaults)));
        let text: String = larder_core::settings::PARAMETERS.iter().map(line).collect();
        let file = ConfFile::new("all", &text);
        let mut start = run(&["serve", file.path()]).expect("each default is a good value");
        start.settings.dir = ".".to_owned();
        assert_eq!(start.settings, defaults);
    }
}
