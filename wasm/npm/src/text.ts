/** Turns text into UTF-8 in linear memory and back. Runtimes differ in what is fast. */
export interface TextCodec {
  /** Works on this memory from now on. */
  attach(memory: ArrayBuffer): void;
  /** Writes text at an address, where three bytes per UTF-16 unit are free; returns the number of bytes. */
  write(text: string, at: number): number;
  /** Reads text between two addresses; what is no UTF-8 becomes U+FFFD. */
  read(start: number, end: number): string;
}

/** What every runtime has. */
export class WebText implements TextCodec {
  #bytes = new Uint8Array(0);
  readonly #encoder = new TextEncoder();
  // A value may begin with U+FEFF: it belongs to the value.
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });

  attach(memory: ArrayBuffer): void {
    this.#bytes = new Uint8Array(memory);
  }

  write(text: string, at: number): number {
    return this.#encoder.encodeInto(text, this.#bytes.subarray(at)).written;
  }

  read(start: number, end: number): string {
    return this.#decoder.decode(this.#bytes.subarray(start, end));
  }
}
