import { LarderError } from "./error.js";
import type { Runtime } from "./runtime.js";
import type { Argument, Command } from "./types.js";

/** Strings below this are written by a loop; above, a call to the text codec pays for itself. */
const SHORT_UNITS = 24;

/** Most bytes around one argument: a mark, ten digits, and CR LF twice. */
const FRAME_BYTES = 15;

/** Most bytes of a number in decimal, as JavaScript writes doubles and as 64-bit integers are. */
const NUMBER_BYTES = 32;

/** UTF-8 needs at most this for a UTF-16 unit. */
const BYTES_PER_UNIT = 3;

const CR = 13;
const LF = 10;
const ZERO = 48;
const ARRAY = 42;
const BULK = 36;

/** Writes commands into a runtime's request area. Room is asked for beforehand, once per request. */
export class RequestWriter {
  readonly #runtime: Runtime;
  #bytes = new Uint8Array(0);
  /** One past the last byte written. */
  end = 0;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /**
   * Begins a request that takes at most so many bytes with ASCII that is RESP already. The engine leaves the request
   * area as it is, so what the last request began with need not be written again.
   */
  begin(bytes: number, frame: string): void {
    const runtime = this.#runtime;
    if (bytes > runtime.capacity) runtime.reserve(bytes);
    const target = runtime.bytes;
    const start = runtime.request;
    const length = frame.length;
    if (runtime.frame !== frame) {
      for (let i = 0; i < length; i++) target[start + i] = frame.charCodeAt(i);
      runtime.frame = frame;
    }
    this.#bytes = target;
    this.end = start + length;
  }

  /** Writes one command; see {@link commandBytes}. */
  command(command: Command): void {
    this.#head(ARRAY, command.length);
    for (let i = 0; i < command.length; i++) this.argument(command[i]!);
  }

  /** Writes bytes that are RESP already. */
  raw(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.end);
    this.end += bytes.length;
  }

  /** Writes text as one argument. */
  bulkText(text: string): void {
    const length = text.length;
    const head = this.end;
    this.#head(BULK, length);
    const bytes = this.#bytes;
    let at = this.end;
    let i = 0;
    if (length < SHORT_UNITS) {
      for (; i < length; i++) {
        const unit = text.charCodeAt(i);
        if (unit > 0x7f) break;
        bytes[at + i] = unit;
      }
    }
    at += i;
    if (i < length) {
      const written = this.#runtime.text.write(text, this.end);
      at = this.end + written;
      if (written !== length) at = this.#correctHead(head, written, length);
    }
    bytes[at] = CR;
    bytes[at + 1] = LF;
    this.end = at + 2;
  }

  /** Writes bytes as one argument. */
  bulkBytes(value: Uint8Array): void {
    this.#head(BULK, value.length);
    this.raw(value);
    this.#bytes[this.end] = CR;
    this.#bytes[this.end + 1] = LF;
    this.end += 2;
  }

  /** Writes one argument. */
  argument(argument: Argument): void {
    if (typeof argument === "string") this.bulkText(argument);
    else if (typeof argument === "object") this.bulkBytes(argument);
    else this.bulkText(String(argument));
  }

  /** The text took more bytes than units: its length changes, and perhaps the number of digits. */
  #correctHead(head: number, written: number, units: number): number {
    const start = this.end;
    const shift = digits(written) - digits(units);
    if (shift > 0) this.#bytes.copyWithin(start + shift, start, start + written);
    this.end = head;
    this.#head(BULK, written);
    return start + shift + written;
  }

  #head(mark: number, length: number): void {
    const bytes = this.#bytes;
    let at = this.end;
    bytes[at++] = mark;
    if (length < 10) {
      bytes[at++] = ZERO + length;
    } else if (length < 100) {
      const tens = (length / 10) | 0;
      bytes[at++] = ZERO + tens;
      bytes[at++] = ZERO + length - tens * 10;
    } else if (length < 1000) {
      const hundreds = (length / 100) | 0;
      const rest = length - hundreds * 100;
      const tens = (rest / 10) | 0;
      bytes[at++] = ZERO + hundreds;
      bytes[at++] = ZERO + tens;
      bytes[at++] = ZERO + rest - tens * 10;
    } else {
      let rest = length;
      const count = digits(length);
      at += count;
      for (let i = 1; i <= count; i++) {
        const next = Math.floor(rest / 10);
        bytes[at - i] = ZERO + rest - next * 10;
        rest = next;
      }
    }
    bytes[at] = CR;
    bytes[at + 1] = LF;
    this.end = at + 2;
  }
}

function digits(value: number): number {
  let count = 1;
  for (let bound = 10; value >= bound; bound *= 10) count++;
  return count;
}

/** Most bytes a command takes. Refuses what is no argument, before anything is written. */
export function commandBytes(command: Command): number {
  if (!Array.isArray(command) || command.length === 0) {
    throw new LarderError("LARDER_ARGUMENT", "a command is an array that begins with its name");
  }
  let bytes = FRAME_BYTES;
  for (let i = 0; i < command.length; i++) bytes += argumentBytes(command[i]);
  return bytes;
}

/** Most bytes one argument takes. */
export function argumentBytes(argument: unknown): number {
  if (typeof argument === "string") return FRAME_BYTES + argument.length * BYTES_PER_UNIT;
  if (typeof argument === "number" || typeof argument === "bigint") return FRAME_BYTES + numberBytes(argument);
  if (argument instanceof Uint8Array) return FRAME_BYTES + argument.length;
  const kind = argument === null ? "null" : typeof argument;
  throw new LarderError("LARDER_ARGUMENT", `an argument is a string, number, bigint or Uint8Array, not ${kind}`);
}

function numberBytes(value: number | bigint): number {
  return typeof value === "number" ? NUMBER_BYTES : value.toString().length * BYTES_PER_UNIT;
}
