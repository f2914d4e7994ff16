"""Starts and stops the server under test, Larder or redis-server, for tests/clients/run and tests/tcl/run."""

import os
import socket
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
START_DEADLINE_S = 20
STOP_DEADLINE_S = 10
LOG_LINES_SHOWN = 15


class CannotStart(Exception):
    """The server binary is missing or did not answer."""


class Server:
    """A server on free loopback ports, in a folder of its own, ended by its process id."""

    def __init__(self, kind, extra=(), http=False, one_core=False, store="memory"):
        """With `one_core` Larder has one worker, and takes requests of different connections in the order they came.
        `store` is Larder's alone: `file` keeps a log in the server's folder."""
        self.port = free_port()
        self.http_port = free_port() if http else 0
        self.folder = tempfile.TemporaryDirectory(prefix="larder-test-")
        self.log = Path(self.folder.name) / "server.log"
        argv = arguments(kind, self.port, self.http_port, extra, store)
        with self.log.open("wb") as log:
            try:
                self.process = subprocess.Popen(
                    argv,
                    cwd=self.folder.name,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    preexec_fn=stay_on_one_core if one_core else None,
                )
            except OSError as error:
                self.folder.cleanup()
                raise CannotStart(f"cannot start {argv[0]}: {error.strerror}") from error
        deadline = time.monotonic() + START_DEADLINE_S
        while not self.ready():
            if not self.alive() or time.monotonic() > deadline:
                text = self.log_tail()
                self.stop()
                raise CannotStart(f"no answer from {' '.join(argv)}\n{text}")
            time.sleep(0.02)

    def ready(self):
        return answers_ping(self.port) and (self.http_port == 0 or accepts(self.http_port))

    def alive(self):
        return self.process.poll() is None

    def log_tail(self):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN:])

    def stop(self):
        if self.alive():
            self.process.terminate()
            try:
                self.process.wait(STOP_DEADLINE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()
        self.folder.cleanup()


def arguments(kind, port, http_port, extra, store="memory"):
    """The command line; LARDER_BIN names Larder's binary."""
    if kind == "redis":
        own = f"--port {port} --bind 127.0.0.1 --appendonly no --enable-debug-command yes".split()
        # A configuration file among the extra arguments must come first.
        return ["redis-server", *extra, *own, "--save", ""]
    binary = Path(os.environ.get("LARDER_BIN", ROOT / "target/release/larder")).resolve()
    own = f"serve --port {port} --http-port {http_port} --store {store} --dir . --enable-debug-command yes"
    return [str(binary), *own.split(), *extra]


def stay_on_one_core():
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def free_port():
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def accepts(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=0.5):
            return True
    except OSError:
        return False


def answers_ping(port):
    """Whether something speaks RESP there; an error (no password given) is an answer too."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=0.5) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(1) in (b"+", b"-")
    except OSError:
        return False
