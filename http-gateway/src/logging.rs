//! Logs by `tracing`, as text or JSON, to standard error or a file. Standard output is left to the ready line.

use std::fs::OpenOptions;
use std::io::{self, IsTerminal};
use std::sync::Mutex;

use larder_core::settings::{LogFormat, LogLevel, Settings};
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::{Registry, fmt, reload};

use crate::conf_file::reason;

/// The crates whose messages follow `loglevel`; others log warnings only.
const OWN_TARGETS: [&str; 2] = ["larder", "larder_core"];

/// Changes the level of a running log, for CONFIG SET loglevel.
#[derive(Clone, Debug)]
pub struct LogControl {
    filter: reload::Handle<Targets, Registry>,
}

impl LogControl {
    /// Logs from `level` on, starting now.
    pub fn set_level(&self, level: LogLevel) {
        // It fails only when the log is gone, and then there is nothing left to filter.
        let _ignored = self.filter.reload(targets(level));
    }
}

/// Starts logging for the whole process. The error is one line that says why it cannot.
pub fn start(settings: &Settings) -> Result<LogControl, String> {
    let (writer, ansi) = writer(&settings.logfile)?;
    let (subscriber, control) = subscriber(settings, writer, ansi);
    let twice = |_| "logging was started before".to_owned();
    tracing::subscriber::set_global_default(subscriber).map_err(twice)?;
    Ok(control)
}

/// Where lines go, and whether colours make sense there.
fn writer(logfile: &str) -> Result<(BoxMakeWriter, bool), String> {
    if logfile.is_empty() {
        return Ok((BoxMakeWriter::new(io::stderr), io::stderr().is_terminal()));
    }
    // Appending keeps earlier runs and lets a rotation truncate the file in place.
    let file = OpenOptions::new().create(true).append(true).open(logfile);
    let file = file.map_err(|error| format!("logfile: cannot open {logfile}: {}", reason(&error)))?;
    Ok((BoxMakeWriter::new(Mutex::new(file)), false))
}

fn subscriber(
    settings: &Settings,
    writer: BoxMakeWriter,
    ansi: bool,
) -> (impl Subscriber + Send + Sync + use<>, LogControl) {
    let (filter, handle) = reload::Layer::new(targets(settings.loglevel));
    let lines = fmt::layer().with_writer(writer).with_ansi(ansi);
    let lines = match settings.log_format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    (tracing_subscriber::registry().with(filter).with(lines), LogControl { filter: handle })
}

/// Redis has four levels: its notice is our info, its verbose our debug, its debug our trace.
fn targets(level: LogLevel) -> Targets {
    let level = match level {
        LogLevel::Debug => LevelFilter::TRACE,
        LogLevel::Verbose => LevelFilter::DEBUG,
        LogLevel::Notice => LevelFilter::INFO,
        LogLevel::Warning => LevelFilter::WARN,
    };
    let own = OWN_TARGETS.map(|target| (target, level));
    Targets::new().with_targets(own).with_default(LevelFilter::WARN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::sync::Arc;

    /// Collects what is logged.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no test panics while it logs").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(settings: &Settings, act: impl FnOnce(&LogControl)) -> String {
        let lines = Lines::default();
        let copy = lines.clone();
        let (subscriber, control) = subscriber(settings, BoxMakeWriter::new(move || copy.clone()), false);
        tracing::subscriber::with_default(subscriber, || act(&control));
        let bytes = lines.0.lock().expect("no test panics while it logs").clone();
        String::from_utf8(bytes).expect("log lines are UTF-8")
    }

    fn all_levels() {
        tracing::trace!(target: "larder::x", "one");
        tracing::debug!(target: "larder_core::x", "two");
        tracing::info!(target: "larder", "three");
        tracing::warn!(target: "larder", "four");
        tracing::info!(target: "hyper", "five");
        tracing::warn!(target: "hyper", "six");
    }

    #[test]
    fn levels_select_lines() {
        let cases = [
            (LogLevel::Debug, "one two three four six"),
            (LogLevel::Verbose, "two three four six"),
            (LogLevel::Notice, "three four six"),
            (LogLevel::Warning, "four six"),
        ];
        for (loglevel, expected) in cases {
            let text = logged(&Settings { loglevel, ..Settings::default() }, |_| all_levels());
            let words: Vec<&str> = text.lines().filter_map(|line| line.split(' ').next_back()).collect();
            assert_eq!(words.join(" "), expected, "{loglevel:?}");
        }
    }

    #[test]
    fn the_level_changes_while_it_runs() {
        let text = logged(&Settings::default(), |control| {
            tracing::debug!(target: "larder", "before");
            control.set_level(LogLevel::Verbose);
            tracing::debug!(target: "larder", "after");
        });
        assert!(!text.contains("before") && text.contains("after"), "{text}");
    }

    #[test]
    fn json_lines_are_objects() {
        let settings = Settings { log_format: LogFormat::Json, ..Settings::default() };
        let text = logged(&settings, |_| tracing::info!(target: "larder", port = 7, "ready \"now\"\n"));
        assert_eq!(text.lines().count(), 1, "{text}");
        let line: serde_json::Value = serde_json::from_str(&text).expect("a line is JSON");
        assert_eq!((&line["message"], &line["port"]), (&"ready \"now\"\n".into(), &7.into()));
        assert_eq!((&line["level"], &line["target"]), (&"INFO".into(), &"larder".into()));
    }

    #[test]
    fn a_log_file_is_appended_to_and_must_open() {
        let path = std::env::temp_dir().join(format!("larder-log-{}", std::process::id()));
        fs::write(&path, "old\n").expect("the temporary directory is writable");
        let (file, ansi) = writer(path.to_str().expect("a plain name")).expect("the file opens");
        let (subscriber, _control) = subscriber(&Settings::default(), file, ansi);
        tracing::subscriber::with_default(subscriber, || tracing::warn!(target: "larder", "new"));
        let text = fs::read_to_string(&path).expect("the file is there");
        fs::remove_file(&path).expect("the file is there");
        assert!(text.starts_with("old\n") && text.ends_with("new\n") && !ansi, "{text}");

        let why = writer("/no/such/log").map(|_| ()).expect_err("there is no such directory");
        assert_eq!(why, "logfile: cannot open /no/such/log: No such file or directory");
    }
}
