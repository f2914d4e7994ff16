import { Buffer } from "node:buffer";
import type { TextCodec } from "./text.js";

/** Public methods of Node's, Deno's and Bun's buffers that their types leave out; `write` and `toString` call them. */
interface Utf8Buffer {
  utf8Write(text: string, at: number, bytes: number): number;
  utf8Slice(start: number, end: number): string;
}

/** UTF-8 needs at most this for a UTF-16 unit. */
const BYTES_PER_UNIT = 3;

/** Node's buffers write and read short text several times faster than TextEncoder and TextDecoder. */
export class NodeText implements TextCodec {
  #bytes = Buffer.alloc(0) as unknown as Utf8Buffer;

  attach(memory: ArrayBuffer): void {
    this.#bytes = Buffer.from(memory) as unknown as Utf8Buffer;
  }

  write(text: string, at: number): number {
    return this.#bytes.utf8Write(text, at, text.length * BYTES_PER_UNIT);
  }

  read(start: number, end: number): string {
    return this.#bytes.utf8Slice(start, end);
  }
}
