// Runs in a page and in a module worker: returns a list of [what, passed].
import { Larder, LarderError } from "/larder/entry-web.js";

export async function checks() {
  const done = [];
  const check = (what, actual, expected) => done.push([what, Object.is(actual, expected), String(actual)]);
  let now = Date.now();
  const db = await Larder.open({ now: () => now });
  check("set", db.set("key", "value"), "OK");
  check("get", db.get("key"), "value");
  const long = "long é€😀 text ".repeat(1000);
  db.set("long", long);
  check("long text", db.get("long"), long);
  check("binary", db.get("key", { binary: true }).join(), "118,97,108,117,101");
  check("expire", db.expire("key", 5), true);
  check("ttl", db.ttl("key"), 5);
  now += 5001;
  check("expired", db.get("key"), null);
  check("incr", db.incr("n", 41) + db.incr("n"), 83);
  db.set("big", "x".repeat(5_000_000));
  check("memory grows", db.get("big").length, 5_000_000);
  try {
    db.incr("long");
    check("error", "none", "thrown");
  } catch (error) {
    check("error", error instanceof LarderError && error.code, "ERR");
  }
  const other = await Larder.open();
  check("second database", other.get("long"), null);
  other.close();
  db.close();
  return done;
}
