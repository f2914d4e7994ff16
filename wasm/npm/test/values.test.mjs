import assert from "node:assert/strict";
import { test } from "node:test";
import { encode, openWithClock, refused } from "./support.mjs";

test("set, get, del and exists", async () => {
  const { db } = await openWithClock();
  assert.equal(db.get("a"), null);
  assert.equal(db.set("a", "1"), "OK");
  assert.equal(db.get("a"), "1");
  assert.equal(db.exists("a", "b", "a"), 2);
  assert.equal(db.del("a", "b"), 1);
  assert.equal(db.get("a"), null);
  db.close();
});

// Lengths around each bound: the loop for short text, digits of the length, bytes per unit.
const SAMPLES = ["", "x", "é", "€", "😀", "\u0000\r\n$5\r\n", "\uFEFFmark", "日本語テキスト"];
for (const unit of ["a", "é", "€", "😀"]) {
  for (const length of [3, 4, 5, 7, 8, 9, 10, 11, 23, 24, 25, 33, 34, 49, 50, 99, 100, 333, 334, 500, 999, 1000, 5000]) {
    SAMPLES.push(unit.repeat(length), "z".repeat(length) + unit);
  }
}

test("text of all widths comes back as it was, as key and as value", async () => {
  const { db } = await openWithClock();
  for (const text of SAMPLES) {
    assert.equal(db.set(`k${text}`, text), "OK");
    assert.equal(db.get(`k${text}`), text);
    assert.equal(db.exec(["STRLEN", `k${text}`]), encode(text).length);
    assert.deepEqual(db.get(`k${text}`, { binary: true }), encode(text));
  }
  assert.equal(db.dbsize(), new Set(SAMPLES).size);
  db.close();
});

test("lone surrogates become U+FFFD", async () => {
  const { db } = await openWithClock();
  for (const tail of ["", "x".repeat(40)]) {
    db.set("k", `a\ud800${tail}`);
    assert.equal(db.get("k"), `a\ufffd${tail}`);
  }
  db.close();
});

test("bytes stay bytes", async () => {
  const { db } = await openWithClock();
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
  db.set(bytes, bytes);
  assert.deepEqual(db.get(bytes, { binary: true }), bytes);
  assert.deepEqual(db.exec(["GET", bytes], { binary: true }), bytes);
  assert.match(db.get(bytes), /\ufffd/);
  // A copy: later commands do not change it.
  const copy = db.get(bytes, { binary: true });
  db.set("other", "y".repeat(600));
  db.get("other");
  assert.deepEqual(copy, bytes);
  db.close();
});

test("a database may answer with bytes always", async () => {
  const { db } = await openWithClock({ binary: true });
  assert.equal(db.set("k", "v"), "OK");
  assert.deepEqual(db.get("k"), encode("v"));
  assert.equal(db.exec(["GET", "k"], { binary: false }), "v");
  db.close();
});

test("numbers", async () => {
  const { db } = await openWithClock();
  db.set("n", 41);
  assert.equal(db.incr("n"), 42);
  assert.equal(db.decr("n", 2), 40);
  assert.equal(db.incr("n", -50), -10);
  db.set("n", Number.MAX_SAFE_INTEGER);
  assert.equal(db.incr("n", 0), Number.MAX_SAFE_INTEGER);
  assert.equal(db.incr("n"), 9007199254740992n);
  assert.equal(db.incr("n", 9214364837600034815n), 9223372036854775807n);
  refused("ERR", () => db.incr("n"), /overflow/);
  db.set("n", -9007199254740993n);
  assert.equal(db.decr("n", 0), -9007199254740993n);
  assert.equal(db.exec(["SET", "f", 0.5]), "OK");
  assert.equal(Number(db.exec(["INCRBYFLOAT", "f", 0.25])), 0.75);
  db.close();
});

test("maps, arrays and nulls", async () => {
  const { db } = await openWithClock();
  const hello = db.exec(["HELLO", 3]);
  assert.ok(hello instanceof Map);
  assert.equal(hello.get("proto"), 3);
  assert.deepEqual(hello.get("modules"), []);
  assert.deepEqual(db.exec(["CONFIG", "GET", "databases"]), new Map([["databases", "16"]]));
  db.mset({ a: 1, b: "two" });
  db.mset(new Map([["c", encode("three")]]));
  assert.deepEqual(db.mget("a", "none", "b", "c"), ["1", null, "two", "three"]);
  assert.equal(typeof db.exec(["INFO", "server"]), "string");
  assert.ok(db.exec(["COMMAND", "INFO", "get"])[0][2] instanceof Set);
  db.close();
});

test("five megabytes grow the memory and views follow", async () => {
  const { db } = await openWithClock();
  db.set("small", "before");
  const text = "0123456789abcdef".repeat(5 * 65_536);
  db.set("text", text);
  assert.equal(db.get("small"), "before");
  const bytes = encode(text).reverse();
  db.set("bytes", bytes);
  assert.equal(db.get("text"), text);
  assert.deepEqual(db.get("bytes", { binary: true }), bytes);
  assert.deepEqual(db.mget("small", "text").map((value) => value.length), [6, text.length]);
  db.close();
});

test("set takes options", async () => {
  const { db, clock } = await openWithClock();
  assert.equal(db.set("k", "1", { nx: true, ex: 10 }), "OK");
  assert.equal(db.set("k", "2", { nx: true }), null);
  assert.equal(db.ttl("k"), 10);
  assert.equal(db.set("k", "3", { xx: true, keepTtl: true }), "OK");
  assert.equal(db.pttl("k"), 10_000);
  clock.now += 10_001;
  assert.equal(db.get("k"), null);
  assert.equal(db.set("k", "4", { xx: true }), null);
  db.close();
});
