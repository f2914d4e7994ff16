"""redis-py, unmodified: RESP2 and RESP3, bytes and text, and the errors it raises."""

import os
import threading
import time
import unittest

import redis

HOST, PORT = os.environ["SERVER_HOST"], int(os.environ["SERVER_PORT"])


def connect(**options):
    return redis.Redis(host=HOST, port=PORT, **options)


class Commands:
    """What every protocol and decoding must do; the subclasses say how to connect."""

    options = {}

    def setUp(self):
        self.r = connect(**self.options)
        self.r.flushall()

    def tearDown(self):
        self.r.close()

    def text(self, value):
        """The value as this connection gives it."""
        return value if self.options.get("decode_responses") else value.encode()

    def texts(self, *values):
        return [None if value is None else self.text(value) for value in values]

    def test_ping_echo_time(self):
        self.assertTrue(self.r.ping())
        self.assertEqual(self.r.echo("hello"), self.text("hello"))
        seconds, microseconds = self.r.time()
        self.assertLess(abs(seconds + microseconds / 1e6 - time.time()), 5)

    def test_set_options(self):
        r = self.r
        self.assertTrue(r.set("k", "1"))
        self.assertIsNone(r.set("k", "2", nx=True))
        self.assertTrue(r.set("k", "3", xx=True))
        self.assertIsNone(r.set("absent", "3", xx=True))
        self.assertEqual(r.set("k", "4", get=True), self.text("3"))
        self.assertTrue(r.set("k", "5", ex=100))
        self.assertTrue(90 < r.ttl("k") <= 100)
        self.assertTrue(r.set("k", "6", keepttl=True))
        self.assertTrue(90 < r.ttl("k") <= 100)
        self.assertTrue(r.set("k", "7", px=50_000))
        self.assertTrue(40_000 < r.pttl("k") <= 50_000)
        at = int(time.time()) + 500
        self.assertTrue(r.set("k", "8", exat=at))
        self.assertEqual(r.expiretime("k"), at)
        self.assertTrue(r.set("k", "9", pxat=at * 1000 + 7))
        self.assertEqual(r.pexpiretime("k"), at * 1000 + 7)
        self.assertTrue(r.set("k", "10"))
        self.assertEqual(r.ttl("k"), -1)

    def test_strings(self):
        r = self.r
        self.assertTrue(r.mset({"a": 1, "b": "two"}))
        self.assertEqual(r.mget("a", "none", "b"), self.texts("1", None, "two"))
        self.assertFalse(r.msetnx({"b": 1, "c": 2}))
        self.assertEqual(r.append("b", "!"), 4)
        self.assertEqual(r.strlen("b"), 4)
        self.assertEqual(r.getrange("b", 1, -2), self.text("wo"))
        self.assertEqual(r.setrange("b", 6, "x"), 7)
        self.assertEqual(r.get("b"), self.text("two!\0\0x"))
        self.assertEqual([r.incr("a"), r.incr("a", 5), r.decr("a", 2)], [2, 7, 5])
        self.assertEqual(float(r.incrbyfloat("a", 0.5)), 5.5)
        self.assertEqual(r.getset("b", "new"), self.text("two!\0\0x"))
        self.assertEqual(r.getdel("b"), self.text("new"))
        self.assertIsNone(r.get("b"))
        self.assertEqual(r.getex("a", ex=60), self.text("5.5"))
        self.assertTrue(50 < r.ttl("a") <= 60)

    def test_expire_family(self):
        r = self.r
        self.assertEqual(r.ttl("none"), -2)
        r.set("k", "v")
        self.assertFalse(r.expire("k", 10, xx=True))
        self.assertTrue(r.expire("k", 10, nx=True))
        self.assertFalse(r.expire("k", 5, gt=True))
        self.assertTrue(r.expire("k", 5, lt=True))
        self.assertTrue(r.pexpire("k", 20_000))
        self.assertTrue(19_000 < r.pttl("k") <= 20_000)
        at = int(time.time()) + 300
        self.assertTrue(r.expireat("k", at))
        self.assertEqual(r.expiretime("k"), at)
        self.assertTrue(r.pexpireat("k", at * 1000 + 1))
        self.assertEqual(r.pexpiretime("k"), at * 1000 + 1)
        self.assertTrue(r.persist("k"))
        self.assertFalse(r.persist("k"))
        self.assertTrue(r.psetex("short", 30, "v"))
        time.sleep(0.06)
        self.assertIsNone(r.get("short"))
        self.assertTrue(r.expireat("k", 1))
        self.assertEqual(r.exists("k"), 0)

    def test_keys(self):
        r = self.r
        names = {f"user:{n}" for n in range(500)}
        r.mset({name: 1 for name in names} | {"other": 1})
        self.assertEqual(set(r.scan_iter(match="user:*", count=50)), set(self.texts(*names)))
        self.assertEqual(set(r.scan_iter(_type="string")), set(self.texts("other", *names)))
        self.assertEqual(sorted(r.keys("user:1?")), sorted(self.texts(*(f"user:1{n}" for n in range(10)))))
        self.assertEqual(r.dbsize(), 501)
        self.assertEqual(r.exists("other", "other", "none"), 2)
        self.assertEqual(r.touch("other", "none"), 1)
        self.assertEqual(r.type("other"), self.text("string"))
        self.assertEqual(r.type("none"), self.text("none"))
        self.assertTrue(r.rename("other", "renamed"))
        self.assertFalse(r.renamenx("renamed", "user:0"))
        self.assertEqual(r.delete("renamed", "none"), 1)
        self.assertEqual(r.unlink("user:0", "user:1"), 2)
        self.assertIn(r.randomkey(), self.texts(*names))

    def test_copy_move_swap(self):
        r = self.r
        r.set("a", "1", ex=100)
        self.assertTrue(r.copy("a", "b"))
        self.assertFalse(r.copy("a", "b"))
        self.assertTrue(r.copy("a", "b", replace=True))
        self.assertTrue(90 < r.ttl("b") <= 100)
        self.assertTrue(r.copy("a", "c", destination_db=3))
        with connect(db=3, **self.options) as third:
            self.assertEqual(third.get("c"), self.text("1"))
        self.assertTrue(r.move("a", 3))
        self.assertTrue(r.swapdb(0, 3))
        self.assertEqual(sorted(r.keys()), self.texts("a", "c"))
        self.assertTrue(r.flushdb())
        self.assertEqual(r.dbsize(), 0)

    def test_object(self):
        r = self.r
        r.mset({"int": 12, "short": "text", "long": "x" * 100})
        encodings = [r.object("encoding", name) for name in ("int", "short", "long")]
        self.assertEqual(encodings, self.texts("int", "embstr", "raw"))
        self.assertIsInstance(r.object("refcount", "short"), int)
        self.assertIsInstance(r.object("idletime", "short"), int)

    def test_bits(self):
        r = self.r
        self.assertEqual(r.setbit("b", 7, 1), 0)
        self.assertEqual(r.setbit("b", 7, 0), 1)
        self.assertEqual([r.setbit("b", n, 1) for n in (1, 9, 17)], [0, 0, 0])
        self.assertEqual([r.getbit("b", 9), r.getbit("b", 999)], [1, 0])
        self.assertEqual(r.bitcount("b"), 3)
        self.assertEqual(r.bitcount("b", 1, 2), 2)
        self.assertEqual(r.bitcount("b", 1, 9, "BIT"), 2)
        self.assertEqual(r.bitpos("b", 1), 1)
        self.assertEqual(r.bitpos("b", 1, 1), 9)
        r.set("x", b"\x0f\xff")
        r.set("y", b"\xff\x0f")
        self.assertEqual(r.bitop("AND", "z", "x", "y"), 2)
        self.assertEqual(r.bitcount("z"), 8)
        self.assertEqual(r.bitop("NOT", "z", "z"), 2)
        self.assertEqual(r.bitcount("z"), 8)

    def test_bitfield(self):
        field = self.r.bitfield("f", default_overflow="WRAP")
        field.set("u8", 0, 255).incrby("u8", 0, 2).get("i4", "#1").incrby("u2", 100, 1, overflow="SAT")
        self.assertEqual(field.execute(), [0, 1, 1, 1])
        failing = self.r.bitfield("f").incrby("u8", 0, 255, overflow="FAIL")
        self.assertEqual(failing.execute(), [None])
        self.assertEqual(self.r.bitfield_ro("f", "u8", 0), [1])

    def test_lcs(self):
        self.r.mset({"a": "ohmytext", "b": "mynewtext"})
        self.assertEqual(self.r.lcs("a", "b"), self.text("mytext"))
        self.assertEqual(self.r.lcs("a", "b", len=True), 6)
        matches = self.r.lcs("a", "b", idx=True, minmatchlen=4, withmatchlen=True)
        if isinstance(matches, dict):
            matches = [part for pair in matches.items() for part in pair]
        self.assertEqual(matches, [self.text("matches"), [[[4, 7], [5, 8], 4]], self.text("len"), 6])

    def test_pipelines(self):
        for transaction in (True, False):
            with self.subTest(transaction=transaction), self.r.pipeline(transaction=transaction) as pipe:
                pipe.set("n", 1).incr("n").get("n").get("none").delete("n")
                self.assertEqual(pipe.execute(), [True, 2, self.text("2"), None, 1])
                pipe.set("n", "x").incr("n").get("n")
                result = pipe.execute(raise_on_error=False)
                self.assertIsInstance(result[1], redis.ResponseError)
                self.assertEqual(result[2], self.text("x"))
                for number in range(5_000):
                    pipe.set(f"p{number}", number)
                self.assertEqual(pipe.execute(), [True] * 5_000)
                with self.assertRaisesRegex(redis.ResponseError, r"Command # 1 \(INCRBY n 1\).*not an integer"):
                    pipe.incr("n").execute()

    def test_watch_conflict(self):
        other = connect(**self.options)
        self.r.set("balance", 10)
        attempts = []

        def spend(pipe):
            balance = int(pipe.get("balance"))
            attempts.append(balance)
            if len(attempts) == 1:
                other.set("balance", 7)
            pipe.multi()
            pipe.set("balance", balance - 5)

        self.assertEqual(self.r.transaction(spend, "balance"), [True])
        self.assertEqual(attempts, [10, 7])
        self.assertEqual(self.r.get("balance"), self.text("2"))
        with self.r.pipeline() as pipe, self.assertRaises(redis.WatchError):
            pipe.watch("balance")
            other.incr("balance")
            pipe.multi()
            pipe.get("balance").execute()
        other.close()

    def test_client_commands(self):
        named = connect(client_name="named", single_connection_client=True, **self.options)
        self.assertIn(named.client_getname(), ("named", b"named"))
        self.assertTrue(named.client_setname("renamed"))
        identity = named.client_id()
        rows = [row for row in self.r.client_list() if row["name"] == "renamed"]
        self.assertEqual([int(row["id"]) for row in rows], [identity])
        # Redis 7.0 does not have CLIENT SETINFO yet.
        if os.environ["SERVER_KIND"] == "larder":
            self.assertEqual(rows[0]["lib-name"], "redis-py")
        self.assertEqual(int(named.client_info()["id"]), identity)
        self.assertEqual(self.r.client_kill_filter(_id=identity), 1)
        self.assertNotIn("renamed", [row["name"] for row in self.r.client_list()])
        with self.assertRaisesRegex(redis.ResponseError, "No such client"):
            self.r.client_kill("127.0.0.1:1")
        named.close()

    def test_config(self):
        before = self.r.config_get("maxmemory-policy")["maxmemory-policy"]
        self.assertTrue(self.r.config_set("maxmemory-policy", "allkeys-lru"))
        self.assertEqual(self.r.config_get("maxmemory-p*"), {"maxmemory-policy": "allkeys-lru"})
        self.assertTrue(self.r.config_set("maxmemory-policy", before))
        with self.assertRaisesRegex(redis.ResponseError, "CONFIG SET failed|[Uu]nknown option"):
            self.r.config_set("no-such-parameter", 1)

    def test_info(self):
        self.r.set("k", "v", ex=100)
        info = self.r.info()
        self.assertEqual((info["loading"], info["arch_bits"]), (0, 64))
        self.assertEqual(info["tcp_port"], PORT)
        self.assertRegex(info["redis_version"], r"^\d+\.\d+\.\d+$")
        self.assertEqual((info["db0"]["keys"], info["db0"]["expires"]), (1, 1))
        self.assertEqual(set(self.r.info("keyspace")), {"db0"})
        self.assertGreater(self.r.info("stats")["total_commands_processed"], 0)

    def test_command_table(self):
        count = self.r.command_count()
        table = self.r.command()
        self.assertEqual(len(table), count)
        self.assertGreater(count, 80)
        self.assertEqual(table["set"]["arity"], -3)
        keys = self.r.command_getkeys("MSET", "a", 1, "b", 2)
        self.assertEqual([key if isinstance(key, str) else key.decode() for key in keys], ["a", "b"])

    def test_errors(self):
        r = self.r
        r.set("text", "x")
        with self.assertRaisesRegex(redis.ResponseError, "^value is not an integer or out of range$"):
            r.incr("text")
        with self.assertRaisesRegex(redis.ResponseError, "^unknown command 'NOSUCH', with args beginning with: 'a' "):
            r.execute_command("NOSUCH", "a")
        with self.assertRaisesRegex(redis.ResponseError, "^wrong number of arguments for 'get' command$"):
            r.execute_command("GET")
        with self.assertRaisesRegex(redis.ResponseError, "^invalid expire time in 'set' command$"):
            r.set("text", "y", ex=0)
        with self.assertRaisesRegex(redis.ResponseError, "^syntax error$"):
            r.execute_command("SET", "a", "b", "NX", "XX")
        with self.assertRaisesRegex(redis.ResponseError, "^no such key$"):
            r.rename("none", "text")
        with self.assertRaisesRegex(redis.ResponseError, "^DB index is out of range$"):
            r.select(99)
        with self.assertRaisesRegex(redis.ResponseError, "^EXEC without MULTI$"):
            r.execute_command("EXEC")
        pipe = r.pipeline()
        pipe.execute_command("GET")
        with self.assertRaisesRegex(redis.ResponseError, "wrong number of arguments for 'get' command"):
            pipe.execute()

    def test_large_value(self):
        value = "0123456789abcdef" * 65_536
        self.assertEqual(len(value), 1 << 20)
        self.r.set("large", value)
        self.assertEqual(self.r.get("large"), self.text(value))
        self.assertEqual(self.r.getrange("large", -16, -1), self.text("0123456789abcdef"))


class Defaults(Commands, unittest.TestCase):
    """redis-py as it comes."""


class Resp2(Commands, unittest.TestCase):
    options = {"protocol": 2}


class Resp3(Commands, unittest.TestCase):
    options = {"protocol": 3}


class Resp2Text(Commands, unittest.TestCase):
    options = {"protocol": 2, "decode_responses": True}


class Resp3Text(Commands, unittest.TestCase):
    options = {"protocol": 3, "decode_responses": True}


class Connections(unittest.TestCase):
    def test_binary_keys_and_values(self):
        with connect() as r:
            every_byte = bytes(range(256))
            for name in (every_byte, b"", b"\r\n", b"\x00", "å∫ç".encode()):
                with self.subTest(name=name):
                    r.set(name, every_byte + name)
                    self.assertEqual(r.get(name), every_byte + name)
                    self.assertEqual(r.delete(name), 1)

    def test_handshake_protocol(self):
        for protocol in (2, 3):
            with self.subTest(protocol=protocol), connect(protocol=protocol) as r:
                hello = r.execute_command("HELLO")
                fields = hello if isinstance(hello, dict) else dict(zip(hello[::2], hello[1::2]))
                fields = {k.decode() if isinstance(k, bytes) else k: v for k, v in fields.items()}
                self.assertEqual(fields["proto"], protocol)
                self.assertEqual(set(fields), {"server", "version", "proto", "id", "mode", "role", "modules"})

    def test_unwanted_password(self):
        with self.assertRaisesRegex(redis.ConnectionError, "without any password configured|WRONGPASS"):
            connect(password="unwanted", protocol=2).ping()

    def test_url_and_database(self):
        with redis.from_url(f"redis://{HOST}:{PORT}/5") as fifth, connect() as zeroth:
            fifth.set("where", "five")
            self.assertIsNone(zeroth.get("where"))
            self.assertEqual(fifth.getdel("where"), b"five")

    def test_pool_of_50(self):
        pool = redis.BlockingConnectionPool(host=HOST, port=PORT, max_connections=50, timeout=20)
        r = redis.Redis(connection_pool=pool)
        r.delete("counter")
        together = threading.Barrier(50)
        failures = []

        def work():
            try:
                together.wait(20)
                for _ in range(40):
                    r.incr("counter")
            except Exception as error:  # a thread's exception would be lost
                failures.append(error)

        threads = [threading.Thread(target=work) for _ in range(50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        self.assertEqual(r.get("counter"), b"2000")
        held = [pool.get_connection() for _ in range(50)]
        with connect() as other:
            self.assertGreaterEqual(len(other.client_list()), 51)
        for connection in held:
            pool.release(connection)
        pool.disconnect()


if __name__ == "__main__":
    unittest.main()
