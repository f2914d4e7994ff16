"""Stock redis-cli: its arguments, its output forms, its scanning modes, and its interactive prompt."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
import unittest

HOST, PORT = os.environ["SERVER_HOST"], os.environ["SERVER_PORT"]
CLI = ("redis-cli", "-h", HOST, "-p", PORT)
DEADLINE_S = 30
MASS_INSERT_KEYS = 10_000
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


def cli(*arguments, stdin="", status=0):
    """What redis-cli prints, after it ended with the wanted status."""
    done = subprocess.run(
        [*CLI, *arguments], input=stdin, capture_output=True, text=True, timeout=DEADLINE_S
    )
    if done.returncode != status:
        raise AssertionError(f"status {done.returncode}, wanted {status}: {done.stdout}{done.stderr}")
    return done.stdout + done.stderr


class Interactive:
    """redis-cli on a terminal."""

    def __init__(self, *arguments):
        self.text = ""
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "xterm"
            os.environ["REDISCLI_HISTFILE"] = "/dev/null"
            os.execvp(CLI[0], [*CLI, *arguments])
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.terminal)

    def wait_for(self, wanted):
        """What was printed up to and with the wanted text; the rest stays for the next call."""
        deadline = time.monotonic() + DEADLINE_S
        while (end := ESCAPES.sub("", self.text).find(wanted)) < 0:
            ready, _, _ = select.select([self.terminal], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                raise AssertionError(f"no {wanted!r} in {ESCAPES.sub('', self.text)!r}")
            try:
                self.text += os.read(self.terminal, 65_536).decode(errors="replace")
            except OSError as error:
                raise AssertionError(f"redis-cli ended before {wanted!r}: {self.text!r}") from error
        plain = ESCAPES.sub("", self.text)
        self.text = plain[end + len(wanted):]
        return plain[:end + len(wanted)]

    def send(self, line):
        os.write(self.terminal, line.encode() + b"\r")


class Arguments(unittest.TestCase):
    def setUp(self):
        self.assertEqual(cli("FLUSHALL"), "OK\n")

    def test_commands(self):
        self.assertEqual(cli("PING"), "PONG\n")
        self.assertEqual(cli("SET", "k", "two words"), "OK\n")
        self.assertEqual(cli("GET", "k"), "two words\n")
        self.assertEqual(cli("--no-raw", "GET", "k"), '"two words"\n')
        self.assertEqual(cli("--no-raw", "GET", "none"), "(nil)\n")
        self.assertEqual(cli("--no-raw", "STRLEN", "k"), "(integer) 9\n")
        self.assertIn("ERR unknown command 'NOSUCH'", cli("NOSUCH"))

    def test_commands_from_stdin(self):
        self.assertEqual(cli(stdin="SET a 1\nINCR a\nGET a\n"), "OK\n2\n2\n")
        self.assertEqual(cli("--no-raw", stdin='SET "a b" "\\x00\\xff"\nGET "a b"\n'), 'OK\n"\\x00\\xff"\n')

    def test_protocols(self):
        self.assertEqual(cli("-2", "--no-raw", "CONFIG", "GET", "timeout"), '1) "timeout"\n2) "0"\n')
        self.assertEqual(cli("-3", "--no-raw", "CONFIG", "GET", "timeout"), '1# "timeout" => "0"\n')
        self.assertIn('"proto"\n 6) (integer) 2\n', cli("-2", "--no-raw", "HELLO", "2"))
        self.assertIn('3# "proto" => (integer) 3\n', cli("-3", "--no-raw", "HELLO"))

    def test_output_forms(self):
        cli("MSET", "a", 'x"y', "b", "2")
        self.assertEqual(cli("--raw", "MGET", "a", "none", "b"), 'x"y\n\n2\n')
        self.assertEqual(cli("--csv", "MGET", "a", "none", "b"), '"x\\"y",NULL,"2"\n')
        self.assertEqual(json.loads(cli("--json", "MGET", "a", "none", "b")), ['x"y', None, "2"])
        self.assertEqual(json.loads(cli("--json", "CONFIG", "GET", "timeout")), {"timeout": "0"})
        self.assertEqual(json.loads(cli("--quoted-json", "GET", "b")), "2")
        self.assertEqual(cli("-d", ";", "MGET", "a", "b"), 'x"y;2\n')

    def test_last_argument_from_stdin(self):
        self.assertEqual(cli("-x", "SET", "k", stdin="line one\nline two"), "OK\n")
        self.assertEqual(cli("GET", "k"), "line one\nline two\n")

    def test_database(self):
        self.assertEqual(cli("-n", "3", "SET", "k", "three"), "OK\n")
        self.assertEqual(cli("--no-raw", "GET", "k"), "(nil)\n")
        self.assertEqual(cli("-u", f"redis://{HOST}:{PORT}/3", "GET", "k"), "three\n")
        self.assertIn("ERR DB index is out of range", cli("-n", "99", "PING"))

    def test_repeat(self):
        self.assertEqual(cli("-r", "3", "-i", "0.01", "INCR", "n"), "1\n2\n3\n")

    def test_exit_code(self):
        cli("SET", "k", "text")
        self.assertIn("ERR value is not an integer or out of range", cli("-e", "INCR", "k", status=1))
        self.assertEqual(cli("-e", "GET", "k"), "text\n")

    def test_unwanted_password(self):
        text = cli("--no-auth-warning", "-a", "unwanted", "PING")
        self.assertRegex(text, "AUTH failed: ERR AUTH <password> called without any password configured")
        self.assertIn("PONG\n", text)


class Modes(unittest.TestCase):
    def setUp(self):
        cli("FLUSHALL")

    def fill(self):
        """Inserts keys in one stream and says what redis-cli reported."""
        rows = (("SET", f"user:{n}", "x" * (n % 50 + 1)) for n in range(MASS_INSERT_KEYS))
        stream = "".join(
            f"*{len(row)}\r\n" + "".join(f"${len(part)}\r\n{part}\r\n" for part in row) for row in rows
        )
        return cli("--pipe", stdin=stream)

    def test_pipe(self):
        self.assertIn(f"errors: 0, replies: {MASS_INSERT_KEYS}\n", self.fill())
        self.assertEqual(cli("DBSIZE"), f"{MASS_INSERT_KEYS}\n")

    def test_pipe_counts_errors(self):
        self.assertIn("errors: 1, replies: 3\n", cli("--pipe", stdin="SET k text\r\nINCR k\r\nGET k\r\n", status=1))

    def test_scan(self):
        self.fill()
        names = cli("--scan", "--pattern", "user:12*").splitlines()
        wanted = {f"user:{n}" for n in range(MASS_INSERT_KEYS) if str(n).startswith("12")}
        self.assertEqual(set(names), wanted)
        self.assertEqual(len(set(cli("--scan").splitlines())), MASS_INSERT_KEYS)

    def test_bigkeys(self):
        self.fill()
        cli("SET", "biggest", "y" * 5_000)
        text = cli("--bigkeys")
        self.assertIn(f"Sampled {MASS_INSERT_KEYS + 1} keys in the keyspace!", text)
        self.assertIn('Biggest string found \'"biggest"\' has 5000 bytes', text)

    def test_memkeys(self):
        cli("SET", "biggest", "y" * 5_000)
        probe = cli("MEMORY", "USAGE", "biggest")
        if probe.strip().isdigit():
            self.assertRegex(cli("--memkeys"), 'Biggest string found \'"biggest"\' has [5-9]\\d{3} bytes')
        else:
            self.assertRegex(probe, "^ERR unknown (command 'MEMORY'|subcommand 'USAGE')")

    def test_stat(self):
        # Its output is buffered unless it goes to a terminal.
        with Interactive("--stat", "-i", "0.2") as terminal:
            self.assertIn("keys       mem      clients", terminal.wait_for("connections"))
            terminal.wait_for("\n")
            for _ in range(2):
                row = terminal.wait_for("\n")
                self.assertRegex(row.strip(), r"^\d+ +\d+(\.\d+)?[BKMG] +\d+ +\d+ +\d+ \(\+\d+\) +\d+$")

    def test_latency(self):
        minimum, maximum, average, count = map(float, cli("--latency", "--raw", "-i", "0.5").split())
        self.assertTrue(0 <= minimum <= average <= maximum)
        self.assertGreater(count, 5)


class Prompt(unittest.TestCase):
    prompt = f"{HOST}:{PORT}> "

    def test_session(self):
        with Interactive() as terminal:
            terminal.wait_for(self.prompt)
            terminal.send("set k v")
            # What is typed before the prompt is there would be thrown away.
            terminal.wait_for("\nOK\n" + self.prompt)
            terminal.send("select 4")
            terminal.wait_for(f"\nOK\n{HOST}:{PORT}[4]> ")
            terminal.send("select 0")
            terminal.wait_for("\nOK\n" + self.prompt)
            terminal.send("multi")
            terminal.wait_for(f"\nOK\n{HOST}:{PORT}(TX)> ")
            terminal.send("get k")
            terminal.wait_for(f"\nQUEUED\n{HOST}:{PORT}(TX)> ")
            terminal.send("exec")
            terminal.wait_for('\n1) "v"\n' + self.prompt)

    def test_help_comes_from_command_docs(self):
        docs = json.loads(cli("--json", "COMMAND", "DOCS", "set"))["set"]
        with Interactive() as terminal:
            terminal.wait_for(self.prompt)
            terminal.send("help set")
            text = terminal.wait_for("group: string")
            self.assertIn("SET key value [", text)
            self.assertIn("NX", text)
            self.assertIn(f"summary: {docs['summary']}", text)
            self.assertIn(f"since: {docs['since']}", text)
            terminal.wait_for(self.prompt)
            terminal.send("help client kill")
            self.assertIn("CLIENT KILL", terminal.wait_for("group: connection"))

    def test_hint_while_typing(self):
        with Interactive() as terminal:
            terminal.wait_for(self.prompt)
            os.write(terminal.terminal, b"getrange ")
            terminal.wait_for("key start end")


if __name__ == "__main__":
    unittest.main()
