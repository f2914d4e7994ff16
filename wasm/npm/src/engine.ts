import { LarderError } from "./error.js";
import type { Runtime } from "./runtime.js";

/** How often expired keys are looked for while keys have a lifetime. */
const EXPIRY_MS = 1000;

/** Work of one timer call: each slice removes some hundreds of keys. */
const EXPIRY_SLICES = 16;

const scheduler = globalThis as unknown as {
  setTimeout(work: () => void, ms: number): number | { unref?(): void };
  clearTimeout(timer: unknown): void;
};

/** One keyspace in the runtime, with its clock and its timer. */
export class Engine {
  readonly runtime: Runtime;
  readonly now: () => number;
  /** Its number in the runtime; 0 once closed. */
  number: number;
  #timer: unknown;

  constructor(runtime: Runtime, seed: bigint, now: () => number, activeExpiry: boolean) {
    this.runtime = runtime;
    this.now = now;
    // Without a timer, expired keys leave when they are asked for.
    if (!activeExpiry) this.#timer = "never";
    const nowMs = now();
    const low = Number(seed & 0xffff_ffffn);
    const high = Number((seed >> 32n) & 0xffff_ffffn);
    this.number = runtime.call((exports) => exports.open_engine(low, high, nowMs)) >>> 0;
    if (this.number === 0) throw new LarderError("LARDER_TOO_LARGE", "too many open databases: close some");
  }

  /** Adds a client and returns its number in the runtime. */
  openClient(): number {
    if (this.number === 0) throw new LarderError("LARDER_CLOSED", "the database is closed");
    const nowMs = this.now();
    const client = this.runtime.call((exports) => exports.open_client(this.number, nowMs)) >>> 0;
    if (client === 0) throw new LarderError("LARDER_TOO_LARGE", "too many open connections: close some");
    return client;
  }

  /** Starts the timer if it does not run: called after commands, which may have given a key a lifetime. */
  wake(): void {
    if (this.#timer === undefined) this.#schedule();
  }

  /** Does background work; true if more is due right away. */
  tick(): boolean {
    if (this.number === 0) throw new LarderError("LARDER_CLOSED", "the database is closed");
    const nowMs = this.now();
    return this.runtime.call((exports) => exports.tick(this.number, nowMs, EXPIRY_SLICES)) !== 0;
  }

  /** Removes everything. May be called twice, and after a failure. */
  close(): void {
    const number = this.number;
    this.number = 0;
    if (typeof this.#timer !== "string") scheduler.clearTimeout(this.#timer);
    this.#timer = "never";
    if (number !== 0 && !this.runtime.dead) this.runtime.call((exports) => exports.close_engine(number));
  }

  #schedule(): void {
    const timer = scheduler.setTimeout(() => this.#expire(), EXPIRY_MS);
    if (typeof timer === "object") timer.unref?.();
    this.#timer = timer;
  }

  #expire(): void {
    this.#timer = undefined;
    if (this.number === 0 || this.runtime.dead) return;
    this.tick();
    // The next command starts the timer again if nothing has a lifetime now.
    if (this.runtime.call((exports) => exports.next_deadline(this.number)) !== Infinity) this.#schedule();
  }
}
