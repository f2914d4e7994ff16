#!/usr/bin/env node
// Times the built package: JSON lines {"name", "ns"}, the best of several rounds in CPU time of this process.
import { readFileSync } from "node:fs";
import { Larder } from "./dist/entry-node.js";
import { initSync } from "./build/larder.js";

const ROUNDS = 7;
const CALLS = 200_000;
const KEYS = 1000;
const PIPELINE = 100;
/** `--check` fails above this for GET and SET of 100 bytes. */
const BUDGET_NS = 600;

const db = await Larder.open();
const keys = Array.from({ length: KEYS }, (_, i) => `user:${1000 + i}:name`);
const results = new Map();

function measure(name, operations, work) {
  let best = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const begun = process.cpuUsage();
    for (let i = 0; i < CALLS / operations; i++) work(i);
    const { user, system } = process.cpuUsage(begun);
    best = Math.min(best, ((user + system) * 1000) / CALLS);
  }
  results.set(name, best);
  console.log(JSON.stringify({ name, ns: Math.round(best) }));
}

for (const [label, bytes] of [["16 B", 16], ["100 B", 100], ["1 kB", 1000], ["10 kB", 10_000]]) {
  const value = "v".repeat(bytes);
  measure(`wasm set ${label}`, 1, (i) => db.set(keys[i % KEYS], value));
  measure(`wasm get ${label}`, 1, (i) => db.get(keys[i % KEYS]));
}
const bytes = new Uint8Array(100).fill(120);
measure("wasm set 100 B binary", 1, (i) => db.set(keys[i % KEYS], bytes));
measure("wasm get 100 B binary", 1, (i) => db.get(keys[i % KEYS], { binary: true }));
const command = ["GET", keys[0]];
measure("wasm exec [GET] 100 B", 1, () => db.exec(command));
measure("wasm incr", 1, () => db.incr("counter"));
const batch = keys.slice(0, PIPELINE).map((key) => ["GET", key]);
measure("wasm pipeline of 100 GET 100 B", PIPELINE, () => db.pipeline(batch));
db.close();

// The same calls without the package: a fixed request in the request area, the reply not looked at.
const module = new WebAssembly.Module(readFileSync(new URL("./dist/larder.wasm", import.meta.url)));
const engine = initSync({ module });
const header = engine.header();
engine.reserve(0);
const client = engine.open_client(engine.open_engine(1, 2, 0), 0);
function request(text) {
  const at = new Uint32Array(engine.memory.buffer, header, 1)[0];
  return new TextEncoder().encodeInto(text, new Uint8Array(engine.memory.buffer, at)).written;
}
const now = Date.now();
const payload = "v".repeat(100);
let length = request(`*3\r\n$3\r\nSET\r\n$14\r\nuser:1000:name\r\n$100\r\n${payload}\r\n`);
measure("wasm exec alone, SET 100 B", 1, () => engine.exec(client, length, now));
length = request("*2\r\n$3\r\nGET\r\n$14\r\nuser:1000:name\r\n");
measure("wasm exec alone, GET 100 B", 1, () => engine.exec(client, length, now));
measure("wasm empty call", 1, () => engine.header());

if (process.argv.includes("--check")) {
  for (const name of ["wasm get 100 B", "wasm set 100 B"]) {
    if (results.get(name) <= BUDGET_NS) continue;
    console.error(`${name} takes more than ${BUDGET_NS} ns`);
    process.exitCode = 1;
  }
}
