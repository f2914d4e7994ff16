import { LarderError } from "./error.js";
import type { Runtime } from "./runtime.js";
import type { Reply } from "./types.js";

/** Strings below this are read by a loop; above, a call to the text codec pays for itself. */
const SHORT_BYTES = 24;

/** How deep replies may nest, as in the engine. */
const MAX_DEPTH = 64;

/** Digits that every integer may have and still be an exact number. */
const EXACT_DIGITS = 15;

/** Kind and blank in front of verbatim text: `txt:`. */
const VERBATIM_HEAD_BYTES = 4;

const CR = 13;
const MINUS = 45;
const ZERO = 48;

/** Reads replies from a runtime's reply area into JavaScript values. RESP2 and RESP3. */
export class ReplyReader {
  readonly #runtime: Runtime;
  #bytes = new Uint8Array(0);
  #at = 0;
  #end = 0;
  #binary = false;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** Begins with the reply of the last call, so many bytes long. */
  begin(length: number, binary: boolean): void {
    const runtime = this.#runtime;
    this.#bytes = runtime.bytes;
    this.#at = runtime.reply;
    this.#end = this.#at + length;
    this.#binary = binary;
  }

  /** Whether a reply is left. */
  get more(): boolean {
    return this.#at < this.#end;
  }

  /** The next reply. Errors are values here. */
  next(depth: number = MAX_DEPTH): Reply {
    const mark = this.#bytes[this.#at++];
    switch (mark) {
      case 36: // $
        return this.#bulk();
      case 43: // +
        return this.#status();
      case 58: // :
        return this.#integer();
      case 45: // -
        return LarderError.fromReply(this.#line());
      case 95: // _
        this.#at += 2;
        return null;
      case 44: // ,
        return double(this.#line());
      case 35: // #
        return this.#line() === "t";
      case 40: // (
        return BigInt(this.#line());
      case 61: // =
        return this.#verbatim();
      case 33: // !
        return LarderError.fromReply(this.#text(this.#length()));
    }
    return this.#aggregate(mark, depth);
  }

  #aggregate(mark: number | undefined, depth: number): Reply {
    if (depth === 0) throw new Error("a reply nests too deeply");
    const length = this.#length();
    switch (mark) {
      case 42: // *
      case 62: // >
        return length < 0 ? null : this.#array(length, depth - 1);
      case 37: // %
        return this.#map(length, depth - 1);
      case 126: // ~
        return new Set(this.#array(length, depth - 1));
      case 124: // |
        this.#array(length * 2, depth - 1);
        return this.next(depth - 1);
    }
    throw new Error(`no reply begins with byte ${mark}`);
  }

  #array(length: number, depth: number): Reply[] {
    const elements: Reply[] = [];
    for (let i = 0; i < length; i++) elements.push(this.next(depth));
    return elements;
  }

  #map(pairs: number, depth: number): Map<Reply, Reply> {
    const map = new Map<Reply, Reply>();
    const binary = this.#binary;
    for (let i = 0; i < pairs; i++) {
      this.#binary = false;
      const key = this.next(depth);
      this.#binary = binary;
      map.set(key, this.next(depth));
    }
    return map;
  }

  #bulk(): string | Uint8Array | null {
    const length = this.#length();
    if (length < 0) return null;
    if (!this.#binary) return this.#text(length);
    const start = this.#at;
    this.#at = start + length + 2;
    return this.#bytes.slice(start, start + length);
  }

  #text(length: number): string {
    const start = this.#at;
    this.#at = start + length + 2;
    return this.#string(start, start + length);
  }

  #string(start: number, end: number): string {
    if (end - start >= SHORT_BYTES) return this.#runtime.text.read(start, end);
    const bytes = this.#bytes;
    let text = "";
    for (let at = start; at < end; at++) {
      const byte = bytes[at]!;
      if (byte > 0x7f) return this.#runtime.text.read(start, end);
      text += String.fromCharCode(byte);
    }
    return text;
  }

  #verbatim(): string | Uint8Array {
    const length = this.#length() - VERBATIM_HEAD_BYTES;
    const start = this.#at + VERBATIM_HEAD_BYTES;
    this.#at = start + length + 2;
    return this.#binary ? this.#bytes.slice(start, start + length) : this.#string(start, start + length);
  }

  #status(): string {
    const bytes = this.#bytes;
    const at = this.#at;
    // Nearly every status is this one.
    if (bytes[at] === 79 && bytes[at + 1] === 75 && bytes[at + 2] === CR) {
      this.#at = at + 4;
      return "OK";
    }
    return this.#line();
  }

  #integer(): number | bigint {
    const start = this.#at;
    const value = this.#length();
    const digits = this.#at - 2 - start;
    if (digits <= EXACT_DIGITS || Number.isSafeInteger(value)) return value;
    this.#at = start;
    return BigInt(this.#line());
  }

  /** A decimal number and the line's end. */
  #length(): number {
    const bytes = this.#bytes;
    let at = this.#at;
    const negative = bytes[at] === MINUS;
    if (negative) at++;
    let value = 0;
    // The digit on its own: a sum beyond 2^53 on the way would be rounded.
    for (let byte = bytes[at]!; byte !== CR; byte = bytes[++at]!) value = value * 10 + (byte - ZERO);
    this.#at = at + 2;
    return negative ? -value : value;
  }

  #line(): string {
    const start = this.#at;
    const end = this.#bytes.indexOf(CR, start);
    this.#at = end + 2;
    return this.#string(start, end);
  }
}

function double(text: string): number {
  if (text === "inf") return Infinity;
  if (text === "-inf") return -Infinity;
  return Number(text);
}
