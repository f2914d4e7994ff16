"""Stock redis-benchmark: every row, in its protocols and output forms."""

import csv
import os
import re
import subprocess
import unittest

ADDRESS = ("-h", os.environ["SERVER_HOST"], "-p", os.environ["SERVER_PORT"])
DEADLINE_S = 60
LOAD = ("-n", "2000", "-c", "10")

# The rows of a run without -t, by the name that -t takes.
ROWS = {
    "ping_inline": ["PING_INLINE"],
    "ping_mbulk": ["PING_MBULK"],
    "set": ["SET"],
    "get": ["GET"],
    "incr": ["INCR"],
    "mset": ["MSET (10 keys)"],
    # lists
    "lpush": ["LPUSH"],
    "rpush": ["RPUSH"],
    "lpop": ["LPOP"],
    "rpop": ["RPOP"],
    "lrange_100": ["LPUSH (needed to benchmark LRANGE)", "LRANGE_100 (first 100 elements)"],
    "lrange_300": ["LPUSH (needed to benchmark LRANGE)", "LRANGE_300 (first 300 elements)"],
    "lrange_500": ["LPUSH (needed to benchmark LRANGE)", "LRANGE_500 (first 500 elements)"],
    "lrange_600": ["LPUSH (needed to benchmark LRANGE)", "LRANGE_600 (first 600 elements)"],
    # sets
    "sadd": ["SADD"],
    "spop": ["SPOP"],
    # hashes
    "hset": ["HSET"],
    # sorted sets
    "zadd": ["ZADD"],
    "zpopmin": ["ZPOPMIN"],
}


def benchmark(*arguments):
    """Its whole output, lines separated by newlines, and its exit code."""
    done = subprocess.run(
        ["redis-benchmark", *ADDRESS, *LOAD, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=DEADLINE_S,
    )
    return done.stdout.replace("\r", "\n"), done.returncode


class Benchmark(unittest.TestCase):
    def check(self, rows, *arguments):
        """Runs rows quietly: each must end with its rate, and nothing may complain."""
        text, status = benchmark("-q", "-t", ",".join(rows), *arguments)
        self.assertEqual(status, 0, text)
        self.assertNotRegex(text, "(?i)warning|error")
        finished = re.findall(r"^(.+): (\d+\.\d+) requests per second, p50=\d+\.\d+ msec", text, re.MULTILINE)
        titles = [title for row in rows for title in ROWS[row]]
        self.assertEqual(sorted({name for name, _ in finished}), sorted(set(titles)), text)
        for name, rate in finished:
            self.assertGreater(float(rate), 100, name)

    def test_plain(self):
        self.check(["set", "get", "incr", "mset"])

    def test_ping_rows(self):
        self.check(["ping_inline", "ping_mbulk"])

    def test_pipelined(self):
        self.check(list(ROWS), "-P", "16")

    def test_resp3(self):
        self.check(list(ROWS), "-3", "-P", "4")

    def test_random_keys_and_large_values(self):
        self.check(["set", "get"], "-r", "1000", "-d", "4096")

    def test_other_database(self):
        self.check(["set"], "--dbnum", "5")

    def test_custom_command(self):
        text, status = benchmark("-q", "-r", "100", "APPEND", "key:__rand_int__", "x")
        self.assertEqual(status, 0, text)
        self.assertRegex(text, r"APPEND key:__rand_int__ x: \d+\.\d+ requests per second")
        self.assertNotRegex(text, "(?i)warning|error")

    def test_csv(self):
        text, status = benchmark("--csv", "-t", "set,get")
        self.assertEqual(status, 0, text)
        header, *rows = csv.reader(text.splitlines())
        self.assertEqual(header[:2], ["test", "rps"])
        self.assertEqual([row[0] for row in rows], ["SET", "GET"])
        for row in rows:
            self.assertEqual(len(row), len(header))
            self.assertGreater(float(row[1]), 100)

    def test_long_form(self):
        text, status = benchmark("-t", "set", "-P", "16")
        self.assertEqual(status, 0, text)
        self.assertIn("2000 requests completed in", text)
        # It shows what it learnt from CONFIG GET.
        self.assertRegex(text, 'host configuration "save":')
        self.assertRegex(text, 'host configuration "appendonly": no')


if __name__ == "__main__":
    unittest.main()
