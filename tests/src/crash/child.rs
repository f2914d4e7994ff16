//! The server that is killed.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child as Process, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::crash::client::Client;
use crate::crash::options::{Options, ServerKind};
use crate::resp::Reply;
use crate::servers::larder_binary;

/// How long a child may take from its start to its first answer.
const START_DEADLINE: Duration = Duration::from_secs(20);

/// How long a child may take to end by itself before it is killed.
const STOP_DEADLINE: Duration = Duration::from_secs(20);

/// Pause between two looks at a child that starts or ends.
const LOOK_PAUSE: Duration = Duration::from_millis(1);

/// The log grows this large before it is rewritten, so that every run sees many snapshots.
const REWRITE_SIZE: &str = "256kb";

/// Where a child lives: its data, its socket and what it prints.
#[derive(Clone, Debug)]
pub struct Home {
    folder: PathBuf,
}

/// A running child, killed when dropped.
#[derive(Debug)]
pub struct Child {
    process: Process,
    socket: PathBuf,
}

impl Home {
    /// Makes a folder for a child below the system's temporary one.
    ///
    /// # Errors
    /// Those of making it.
    pub fn create(name: &str) -> io::Result<Self> {
        let folder = std::env::temp_dir().join(format!("larder-crash-{}-{name}", std::process::id()));
        std::fs::create_dir_all(folder.join("data"))?;
        Ok(Self { folder })
    }

    /// All of it.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The data.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// The Unix socket. A path of at most 107 bytes, as the kernel wants.
    pub fn socket(&self) -> PathBuf {
        self.folder.join("socket")
    }

    /// What the children said.
    pub fn log(&self) -> PathBuf {
        self.folder.join("server.log")
    }

    /// Takes it away.
    pub fn remove(&self) {
        // Left over it costs space only.
        let _ = std::fs::remove_dir_all(&self.folder);
    }

    /// The last lines that the children said.
    pub fn log_tail(&self, lines: usize) -> String {
        let text = std::fs::read(self.log()).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let all: Vec<&str> = text.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }
}

impl Child {
    /// Starts a child without waiting for it.
    ///
    /// # Errors
    /// Those of starting a process.
    pub fn spawn(home: &Home, options: &Options) -> io::Result<Self> {
        let log = OpenOptions::new().create(true).append(true).open(home.log())?;
        let mut command = command(home, options);
        command.stdin(Stdio::null()).stdout(File::try_clone(&log)?).stderr(log);
        Ok(Self { process: command.spawn()?, socket: home.socket() })
    }

    /// Waits until the child answers.
    ///
    /// # Errors
    /// It ended, or does not answer in time.
    pub fn wait_ready(&mut self) -> Result<(), String> {
        let start = Instant::now();
        while !self.answers() {
            if let Ok(Some(status)) = self.process.try_wait() {
                return Err(format!("the child ended while it started: {status}"));
            }
            if start.elapsed() > START_DEADLINE {
                return Err(format!("the child does not answer within {START_DEADLINE:?}"));
            }
            std::thread::sleep(LOOK_PAUSE);
        }
        Ok(())
    }

    /// A new connection.
    ///
    /// # Errors
    /// Those of connecting.
    pub fn connect(&self) -> io::Result<Client> {
        Client::connect(&self.socket)
    }

    /// Ends the child as `kill -9` does. Nothing of it runs any more afterwards.
    ///
    /// # Errors
    /// It had ended by itself.
    pub fn kill(mut self) -> Result<(), String> {
        if let Ok(Some(status)) = self.process.try_wait() {
            return Err(format!("the child had ended by itself: {status}"));
        }
        self.process.kill().and_then(|()| self.process.wait()).map_err(|e| format!("cannot kill the child: {e}"))?;
        Ok(())
    }

    /// Asks the child to end, and answers how and how soon it did.
    ///
    /// # Errors
    /// It did not end in time.
    pub fn terminate(mut self) -> Result<(ExitStatus, Duration), String> {
        let start = Instant::now();
        let sent = Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status();
        if !sent.is_ok_and(|status| status.success()) {
            return Err("cannot send SIGTERM".to_owned());
        }
        while start.elapsed() < STOP_DEADLINE {
            match self.process.try_wait() {
                Ok(Some(status)) => return Ok((status, start.elapsed())),
                Ok(None) => std::thread::sleep(LOOK_PAUSE),
                Err(error) => return Err(format!("cannot wait for the child: {error}")),
            }
        }
        Err(format!("the child still runs {STOP_DEADLINE:?} after SIGTERM"))
    }

    /// Whether PING is answered with PONG: a server that loads answers something else.
    fn answers(&self) -> bool {
        let pong = Reply::Simple(b"PONG".to_vec());
        self.connect().and_then(|mut client| client.call(&["PING"])).is_ok_and(|reply| reply == pong)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn command(home: &Home, options: &Options) -> Command {
    let (program, mut words) = match options.server {
        ServerKind::Larder => (larder_binary(), vec!["serve", "--http-port", "0", "--store", "file"]),
        ServerKind::Redis => (PathBuf::from("redis-server"), vec!["--appendonly", "yes", "--save", ""]),
    };
    words.extend(["--port", "0", "--loglevel", "warning", "--enable-debug-command", "yes"]);
    words.extend(["--auto-aof-rewrite-min-size", REWRITE_SIZE, "--auto-aof-rewrite-percentage", "100"]);
    words.extend(["--appendfsync", &options.policy]);
    let mut command = Command::new(program);
    command.args(words).arg("--dir").arg(home.data()).arg("--unixsocket").arg(home.socket());
    for (name, value) in &options.directives {
        command.arg(format!("--{name}")).arg(value);
    }
    command
}
