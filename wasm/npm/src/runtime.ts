import { LarderError } from "./error.js";
import type { TextCodec } from "./text.js";

/** What the engine module exports. Addresses and numbers are unsigned, but arrive signed from the raw exports. */
export interface EngineExports {
  readonly memory: WebAssembly.Memory;
  header(): number;
  reserve(bytes: number): number;
  open_engine(seedLow: number, seedHigh: number, nowMs: number): number;
  close_engine(engine: number): void;
  open_client(engine: number, nowMs: number): number;
  close_client(client: number): void;
  exec(client: number, length: number, nowMs: number): number;
  drain(client: number, nowMs: number): number;
  tick(engine: number, nowMs: number, budget: number): number;
  next_deadline(engine: number): number;
}

/** Words of the header in memory, see wasm/src/lib.rs. */
const REQUEST_ADDRESS = 0;
const REQUEST_CAPACITY = 1;
const REPLY_ADDRESS = 2;
const FLAGS = 4;
const HEADER_WORDS = 5;
const FLAG_CLIENT_GONE = 1;

/** One instance of the engine module with views on its memory. All databases of a page share it. */
export class Runtime {
  /** All of linear memory. Another object after it grew. */
  bytes = new Uint8Array(0);
  /** Where a request is written, and how many bytes fit. */
  request = 0;
  capacity = 0;
  /** What the request area begins with, as far as it is known: see `RequestWriter.begin`. */
  frame = "";
  /** After a trap nothing in memory can be trusted. */
  dead = false;
  readonly text: TextCodec;
  readonly #exports: EngineExports;
  readonly #headerAddress: number;
  #header = new Uint32Array(HEADER_WORDS);

  constructor(exports: EngineExports, text: TextCodec) {
    this.#exports = exports;
    this.text = text;
    this.#headerAddress = exports.header() >>> 0;
    exports.reserve(0);
    this.#refresh();
  }

  /** Makes room for a request of so many bytes. */
  reserve(bytes: number): void {
    if (bytes <= this.capacity) return;
    this.frame = "";
    // The module takes 32 bits: a larger number must not wrap around.
    const address = bytes > 0xffff_ffff ? 0 : this.call(() => this.#exports.reserve(bytes));
    if (address === 0) throw new LarderError("LARDER_TOO_LARGE", `no room for a request of up to ${bytes} bytes`);
  }

  /** Runs the request that ends before `end` and returns the length of the reply. */
  exec(client: number, end: number, nowMs: number): number {
    if (this.dead) throw aborted();
    try {
      const length = this.#exports.exec(client, end - this.request, nowMs) >>> 0;
      this.#refresh();
      return length;
    } catch (error) {
      throw this.#fail(error);
    }
  }

  /** Runs what a pause held back. */
  drain(client: number, nowMs: number): number {
    return this.call(() => this.#exports.drain(client, nowMs)) >>> 0;
  }

  /** Any other call into the module. */
  call<T>(work: (exports: EngineExports) => T): T {
    if (this.dead) throw aborted();
    try {
      const answer = work(this.#exports);
      this.#refresh();
      return answer;
    } catch (error) {
      throw this.#fail(error);
    }
  }

  /** Where the last reply begins. */
  get reply(): number {
    return this.#header[REPLY_ADDRESS]!;
  }

  /** Whether the client of the last call does not exist any more. */
  get clientGone(): boolean {
    return (this.#header[FLAGS]! & FLAG_CLIENT_GONE) !== 0;
  }

  /** Views are detached when memory grows, and the areas may move in any call. */
  #refresh(): void {
    if (this.#header.length === 0 || this.bytes.length === 0) this.#attach();
    const request = this.#header[REQUEST_ADDRESS]!;
    if (request !== this.request) {
      this.request = request;
      this.frame = "";
    }
    this.capacity = this.#header[REQUEST_CAPACITY]!;
  }

  #attach(): void {
    const memory = this.#exports.memory.buffer as ArrayBuffer;
    this.bytes = new Uint8Array(memory);
    this.#header = new Uint32Array(memory, this.#headerAddress, HEADER_WORDS);
    this.text.attach(memory);
  }

  #fail(error: unknown): unknown {
    if (!(error instanceof WebAssembly.RuntimeError)) return error;
    this.dead = true;
    return aborted(error);
  }
}

function aborted(cause?: Error): LarderError {
  const error = new LarderError("LARDER_ABORTED", "the engine failed and its data is lost; open a new database");
  if (cause !== undefined) error.cause = cause;
  return error;
}
