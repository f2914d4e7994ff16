//! The REST rows' two sides: Larder's HTTP listener and `bare_axum`.

use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::bench::generator;
use crate::bench::http::{self, Answer};
use crate::bench::measure::{self, alternate};
use crate::bench::options::Options;
use crate::bench::rows::{RestRow, VALUE_BYTES};
use crate::bench::sample::{Comparison, Sample};
use crate::servers::{Server, free_address};

/// How long `bare_axum` may take to listen.
const START_DEADLINE: Duration = Duration::from_secs(5);

/// Measures a row; without a Larder, `bare_axum` stands on both sides.
pub fn compare(row: &RestRow, larder: Option<&Server>, options: &Options) -> Result<Comparison<Sample>, String> {
    let Some(larder) = larder else {
        let answer = Answer { content_type: "application/octet-stream".to_owned(), body: "x".repeat(VALUE_BYTES) };
        let subject = BareAxum::start(row.path, &answer)?;
        return against_bare(row, (subject.address, subject.pid()), &answer, options);
    };
    measure::prepare(larder, row.prepare, options)?;
    let address = larder.http().ok_or("the server has no HTTP listener")?;
    let answer = http::fetch(address, row.path)?;
    against_bare(row, (address, larder.pid()), &answer, options)
}

fn against_bare(
    row: &RestRow,
    (address, pid): (SocketAddr, u32),
    answer: &Answer,
    options: &Options,
) -> Result<Comparison<Sample>, String> {
    let bare = BareAxum::start(row.path, answer)?;
    let bare_answer = http::fetch(bare.address, row.path)?;
    if bare_answer != *answer {
        return Err(format!("bare_axum answers {bare_answer:?}, not {answer:?}"));
    }
    let drive = |address, pid| measure::timed(pid, || generator::wrk(address, row.path, options.rest_seconds()));
    alternate(row.name, options, || drive(address, pid), || drive(bare.address, bare.pid()))
}

/// A running `bare_axum`, ended when dropped.
struct BareAxum {
    child: Child,
    address: SocketAddr,
}

impl BareAxum {
    fn start(path: &str, answer: &Answer) -> Result<Self, String> {
        let address = free_address();
        let binary = binary()?;
        let child = Command::new(&binary)
            .args(["--port", &address.port().to_string()])
            .args(["--path", path])
            .args(["--body", &answer.body])
            .args(["--content-type", &answer.content_type])
            .stdin(Stdio::null())
            .spawn()
            .map_err(|e| {
                format!("{}: {e}; build it with cargo build --release -p larder-tests --bins", binary.display())
            })?;
        let server = Self { child, address };
        server.wait_until_it_listens()?;
        Ok(server)
    }

    fn pid(&self) -> u32 {
        self.child.id()
    }

    fn wait_until_it_listens(&self) -> Result<(), String> {
        let start = Instant::now();
        while TcpStream::connect(self.address).is_err() {
            if start.elapsed() > START_DEADLINE {
                return Err("bare_axum does not listen".to_owned());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

impl Drop for BareAxum {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `bare_axum` is built with the benchmark, into the same directory.
fn binary() -> Result<PathBuf, String> {
    std::env::current_exe()
        .map(|path| path.with_file_name("bare_axum"))
        .map_err(|e| format!("cannot tell where the benchmark is: {e}"))
}
