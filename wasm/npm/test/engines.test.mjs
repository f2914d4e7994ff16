import assert from "node:assert/strict";
import { test } from "node:test";
import { Larder, openWithClock } from "./support.mjs";

test("keys expire by the clock that was given", async () => {
  const { db, clock } = await openWithClock();
  db.set("k", "v");
  assert.equal(db.ttl("k"), -1);
  assert.equal(db.expire("k", 2), true);
  assert.equal(db.ttl("k"), 2);
  clock.now += 1999;
  assert.equal(db.get("k"), "v");
  clock.now += 2;
  assert.equal(db.get("k"), null);
  assert.equal(db.ttl("k"), -2);
  assert.equal(db.expire("k", 1), false);
  db.set("k", "v", { px: 50 });
  assert.equal(db.persist("k"), true);
  clock.now += 1000;
  assert.equal(db.get("k"), "v");
  db.close();
});

test("Date.now may be frozen after opening", async () => {
  const real = Date.now;
  const db = await Larder.open({ activeExpiry: false });
  try {
    db.set("k", "v", { ex: 100 });
    const later = real() + 101_000;
    Date.now = () => later;
    assert.equal(db.get("k"), null);
  } finally {
    Date.now = real;
    db.close();
  }
});

test("the timer removes expired keys without a command", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_700_000_000_000 });
  const db = await Larder.open();
  for (let i = 0; i < 1000; i++) db.set(`k${i}`, "v", { px: 1500 });
  db.set("stays", "v");
  assert.equal(db.dbsize(), 1001);
  for (let i = 0; i < 4; i++) context.mock.timers.tick(1000);
  // DBSIZE counts what is stored: nobody asked for the keys.
  assert.equal(db.dbsize(), 1);
  db.close();
});

test("without the timer they stay until they are asked for", async () => {
  const { db, clock } = await openWithClock();
  db.set("k", "v", { px: 10 });
  clock.now += 60_000;
  assert.equal(db.dbsize(), 1);
  assert.equal(db.get("k"), null);
  assert.equal(db.dbsize(), 0);
  db.set("k", "v", { px: 10 });
  clock.now += 60_000;
  assert.equal(db.tick(), false);
  assert.equal(db.dbsize(), 0);
  db.close();
});

test("two databases share nothing", async () => {
  const [first, second] = [await Larder.open(), await Larder.open()];
  first.set("k", "first");
  assert.equal(second.get("k"), null);
  second.set("k", "second");
  first.flushall();
  assert.equal(second.get("k"), "second");
  first.close();
  assert.equal(second.get("k"), "second");
  second.close();
});

test("the same seed and the same calls give the same answers", async () => {
  const answers = [];
  for (const seed of [7n, 7n, 8n]) {
    const { db } = await openWithClock({ seed });
    for (let i = 0; i < 200; i++) db.set(`k${i}`, i);
    answers.push(db.pipeline(Array(20).fill(["RANDOMKEY"])).join());
    db.close();
  }
  assert.equal(answers[0], answers[1]);
  assert.notEqual(answers[0], answers[2]);
});

test("databases are bounded, and closing makes room", async () => {
  const open = [];
  await assert.rejects(
    async () => {
      for (let i = 0; i < 2000; i++) open.push(await Larder.open({ activeExpiry: false }));
    },
    { code: "LARDER_TOO_LARGE" },
  );
  assert.equal(open.length, 1024);
  for (const db of open) db.close();
  const db = await Larder.open({ config: { "maxmemory-policy": "allkeys-lru" } });
  assert.deepEqual(db.exec(["CONFIG", "GET", "maxmemory-policy"]), new Map([["maxmemory-policy", "allkeys-lru"]]));
  db.close();
});

test("times that are none do no harm", async () => {
  for (const now of [Number.NaN, -1, Infinity, 1e300]) {
    const { db } = await openWithClock({ now: () => now });
    db.set("k", "v");
    assert.equal(db.get("k"), "v");
    db.close();
  }
});
