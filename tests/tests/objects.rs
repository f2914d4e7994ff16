//! A server whose data are objects in a folder: what it has acknowledged is there after `kill -9`. Needs the binary
//! that `LARDER_BIN` names or `make build` makes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use larder_tests::resp::{Connection, Reply};
use larder_tests::servers::{Server, larder_binary};

/// How long records may take to go out by themselves: the interval of 250 ms, on a busy machine.
const SEND_DEADLINE: Duration = Duration::from_secs(10);

/// A folder that is removed again.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("larder-objects-{name}-{}", std::process::id())))
    }

    fn url(&self) -> String {
        format!("file://{}", self.0.display())
    }

    fn start(&self, policy: &str) -> (Server, Connection) {
        let server = Server::larder(&["--store", &self.url(), "--appendfsync", policy, "--save", ""]);
        let connection = Connection::open(server.resp()).expect("the server accepts");
        (server, connection)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Nothing depends on the folder being gone.
        let _ignored = fs::remove_dir_all(&self.0);
    }
}

fn call(connection: &mut Connection, line: &str) -> Reply {
    let words: Vec<&str> = line.split(' ').collect();
    let reply = connection.call(&words).expect("the server answers");
    assert!(!matches!(reply, Reply::Error(_)), "{line}: {reply:?}");
    reply
}

/// The objects of a folder.
fn objects(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).map(|entries| entries.flatten().map(|entry| entry.path()).collect());
    let mut paths: Vec<PathBuf> = entries.unwrap_or_default();
    // Those that are being written have names of their own.
    paths.retain(|path| !path.to_string_lossy().contains('#'));
    paths.sort();
    paths
}

#[test]
fn nothing_acknowledged_under_always_is_lost() {
    let folder = Folder::new("always");
    for round in 0..3 {
        let (server, mut connection) = folder.start("always");
        assert_eq!(call(&mut connection, "LLEN list"), Reply::Integer(round * 10));
        for number in 1..=10 {
            assert_eq!(call(&mut connection, "RPUSH list x"), Reply::Integer(round * 10 + number));
        }
        if round == 1 {
            call(&mut connection, "SAVE");
        }
        drop(server);
    }
    assert_eq!(objects(&folder.0.join("snapshots")).len(), 1);
    let (_server, mut connection) = folder.start("always");
    assert_eq!(call(&mut connection, "LLEN list"), Reply::Integer(30));
    let Reply::Bulk(info) = call(&mut connection, "INFO persistence") else { panic!("INFO answers text") };
    assert!(String::from_utf8_lossy(&info).contains("store:object"));
}

#[test]
fn records_go_out_within_a_moment_under_no() {
    let folder = Folder::new("no");
    let (server, mut connection) = folder.start("no");
    call(&mut connection, "SET key value");
    // The fence is there from the start.
    let begun = Instant::now();
    while objects(&folder.0.join("log")).len() < 2 {
        assert!(begun.elapsed() < SEND_DEADLINE, "nothing is sent");
        std::thread::sleep(Duration::from_millis(10));
    }
    drop(server);
    let (_server, mut connection) = folder.start("no");
    assert_eq!(call(&mut connection, "GET key"), Reply::Bulk(b"value".to_vec()));
}

#[test]
fn starts_that_fail_say_why() {
    let refuse = |url: &str| {
        let arguments = ["serve", "--port", "0", "--http-port", "0", "--unixsocket", "/tmp/larder-objects.sock"];
        let output = Command::new(larder_binary()).args(arguments).args(["--store", url]).output();
        let output = output.expect("the binary runs");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{url}: {text}");
        text
    };
    let folder = Folder::new("refused");
    let (server, mut connection) = folder.start("always");
    call(&mut connection, "SET key value");
    let text = refuse(&folder.url());
    assert!(text.contains("another process has it open") && text.contains(&folder.url()), "{text}");
    drop(server);

    let object = objects(&folder.0.join("log")).pop().expect("there is one");
    let mut content = fs::read(&object).expect("it can be read");
    *content.last_mut().expect("it is not empty") ^= 1;
    fs::write(&object, content).expect("it can be written");
    let text = refuse(&folder.url());
    assert!(text.contains("log/0000000000000001: its checksum does not fit"), "{text}");
    assert!(refuse("tape://x").contains("there is no store 'tape://'"));
    assert!(refuse("s3://").contains("the URL names no bucket"));
}
