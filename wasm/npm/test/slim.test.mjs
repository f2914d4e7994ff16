// A file of its own: each test file is a process, and the engine's code is loaded once in it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Larder } from "larder/slim";

const wasm = readFileSync(new URL(import.meta.resolve("larder/larder.wasm")));

test("the slim entry says what it needs", async () => {
  await assert.rejects(Larder.open(), { code: "LARDER_LOAD" });
  await assert.rejects(Larder.open({ wasm: new Uint8Array([1, 2, 3]) }), { code: "LARDER_LOAD" });
});

test("bytes from the caller are enough, opened twice at once", async () => {
  const [db, other] = await Promise.all([Larder.open({ wasm }), Larder.open({ wasm: Promise.resolve(wasm) })]);
  // Long and short text: this entry uses TextEncoder and TextDecoder.
  for (const text of ["v", "é", "x".repeat(100), "é".repeat(100), "\uFEFFmark".repeat(5)]) {
    db.set("k", text);
    assert.equal(db.get("k"), text);
  }
  assert.equal(other.get("k"), null);
  db.close();
  other.close();
});
