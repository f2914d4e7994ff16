import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, encode, Larder, LarderError, openWithClock, refused } from "./support.mjs";

test("errors carry Redis's code", async () => {
  const { db } = await openWithClock();
  refused("ERR", () => db.exec(["NOSUCH"]), /unknown command/);
  refused("ERR", () => db.exec(["GET"]), /wrong number of arguments/);
  db.set("k", "text");
  refused("ERR", () => db.incr("k"), /not an integer/);
  assert.equal(db.get("k"), "text");
  db.close();
});

test("what is no argument is refused before anything runs", async () => {
  const { db } = await openWithClock();
  for (const wrong of [null, undefined, true, {}, [], Symbol("s"), new Date(0), new ArrayBuffer(3)]) {
    refused("LARDER_ARGUMENT", () => db.set("k", wrong));
    refused("LARDER_ARGUMENT", () => db.exec(["SET", "k", wrong]));
    refused("LARDER_ARGUMENT", () => db.pipeline([["SET", "k", 1], ["SET", "k", wrong]]));
  }
  refused("LARDER_ARGUMENT", () => db.exec([]));
  refused("LARDER_ARGUMENT", () => db.exec("GET k"));
  assert.equal(db.dbsize(), 0);
  db.close();
});

test("a request beyond all bounds is refused, and the database goes on", async () => {
  const { db } = await openWithClock();
  const command = ["ECHO", ...Array(3).fill("x".repeat(2 ** 28))];
  refused("LARDER_TOO_LARGE", () => db.exec(command));
  assert.equal(db.exec(["ECHO", "still here"]), "still here");
  db.close();
});

test("pipelines keep order and give errors as values", async () => {
  const { db } = await openWithClock();
  const replies = db.pipeline([["SET", "a", 1], ["INCR", "a"], ["NOSUCH"], ["GET", "a"]]);
  assert.deepEqual([replies[0], replies[1], replies[3]], ["OK", 2, "2"]);
  assert.ok(replies[2] instanceof LarderError);
  assert.deepEqual(db.pipeline([]), []);
  const many = db.pipeline(Array.from({ length: 5000 }, (_, i) => ["SET", `k${i}`, "v".repeat(i)]));
  assert.equal(many.filter((reply) => reply === "OK").length, 5000);
  db.close();
});

test("transactions run in one session", async () => {
  const { db } = await openWithClock();
  const replies = db.pipeline([["MULTI"], ["SET", "a", "x"], ["INCR", "a"], ["EXEC"]]);
  assert.deepEqual(replies.slice(0, 3), ["OK", "QUEUED", "QUEUED"]);
  assert.equal(replies[3][0], "OK");
  assert.ok(replies[3][1] instanceof LarderError);
  db.close();
});

test("raw speaks RESP and keeps a request that is cut", async () => {
  const { db } = await openWithClock();
  assert.equal(decode(db.raw(encode("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"))), "+OK\r\n$1\r\nv\r\n");
  assert.equal(decode(db.raw(encode("*2\r\n$3\r\nGE"))), "");
  assert.equal(decode(db.raw(encode("T\r\n$1\r\nk\r\n"))), "$1\r\nv\r\n");
  assert.equal(db.get("k"), "v");
  // A protocol error and QUIT end the connection; the next call has a new one.
  assert.match(decode(db.raw(encode("*x\r\n"))), /^-ERR Protocol error/);
  assert.equal(decode(db.raw(encode("QUIT\r\n"))), "+OK\r\n");
  assert.equal(decode(db.raw(encode("GET k\r\n"))), "$1\r\nv\r\n");
  db.close();
});

test("connections have sessions of their own", async () => {
  const { db } = await openWithClock();
  const [first, second] = [db.connect(), db.connect()];
  first.send(encode("SELECT 1\r\nSET k one\r\n"));
  assert.equal(decode(second.send(encode("GET k\r\n"))), "$-1\r\n");
  assert.equal(decode(first.send(encode("GET k\r\n"))), "$3\r\none\r\n");
  first.close();
  first.close();
  assert.equal(first.open, false);
  refused("LARDER_CLOSED", () => first.send(encode("PING\r\n")));
  db.close();
  refused("LARDER_CLOSED", () => second.send(encode("PING\r\n")));
});

test("a session that ended is replaced", async () => {
  const { db } = await openWithClock();
  db.set("k", "v");
  assert.equal(db.exec(["QUIT"]), "OK");
  assert.equal(db.get("k"), "v");
  refused("LARDER_NO_REPLY", () => db.exec(["CLIENT", "REPLY", "OFF"]));
  assert.equal(db.get("k"), "v");
  db.close();
});

test("a closed database refuses, and closing twice is fine", async () => {
  const db = await Larder.open();
  db[Symbol.dispose]();
  db.close();
  for (const call of [() => db.get("k"), () => db.set("k", 1), () => db.exec(["PING"]), () => db.pipeline([["PING"]])]) {
    refused("LARDER_CLOSED", call);
  }
  refused("LARDER_CLOSED", () => db.raw(encode("PING\r\n")));
  refused("LARDER_CLOSED", () => db.connect());
});
