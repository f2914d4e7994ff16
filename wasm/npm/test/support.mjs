import assert from "node:assert/strict";
import { Larder, LarderError } from "larder";

export { Larder, LarderError };

/** Opens a database with a clock that stands still until it is moved. */
export async function openWithClock(options = {}) {
  const clock = { now: 1_700_000_000_000 };
  const db = await Larder.open({ now: () => clock.now, activeExpiry: false, seed: 1n, ...options });
  return { db, clock };
}

/** Asserts that work is refused with a code. */
export function refused(code, work, message = /./) {
  assert.throws(work, (error) => {
    assert.ok(error instanceof LarderError, `no LarderError: ${error}`);
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return true;
  });
}

export const encode = (text) => new TextEncoder().encode(text);
export const decode = (bytes) => new TextDecoder().decode(bytes);
