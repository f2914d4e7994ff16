// A process of its own: the engine traps here on demand, through exports that are wrapped before they are loaded.
import assert from "node:assert/strict";
import { test } from "node:test";

const Instance = WebAssembly.Instance;
const fault = { armed: false, instances: 0 };
WebAssembly.Instance = class extends Instance {
  constructor(module, imports) {
    super(module, imports);
    fault.instances++;
    const real = this.exports;
    const exec = (...args) => {
      if (fault.armed) throw new WebAssembly.RuntimeError("unreachable");
      return real.exec(...args);
    };
    return { exports: { ...real, exec } };
  }
};
const { Larder, refused } = await import("./support.mjs");

test("a trap ends all databases, and new ones get a fresh engine", async () => {
  const [db, other] = [await Larder.open(), await Larder.open()];
  const connection = db.connect();
  db.set("k", "v");
  fault.armed = true;
  refused("LARDER_ABORTED", () => db.get("k"));
  fault.armed = false;
  // Nothing in the failed memory is used again, by any database.
  refused("LARDER_ABORTED", () => db.get("k"));
  refused("LARDER_ABORTED", () => other.set("k", "v"));
  refused("LARDER_ABORTED", () => connection.send(new Uint8Array(1)));
  assert.equal(connection.open, false);

  const fresh = await Larder.open();
  assert.equal(fault.instances, 2);
  assert.equal(fresh.get("k"), null);
  fresh.set("k", "new");
  assert.equal(fresh.get("k"), "new");
  db.close();
  connection.close();
  other.close();
  assert.equal(fresh.get("k"), "new");
  fresh.close();
});
