import type { LarderError } from "./error.js";

/** What a command takes: text as UTF-8, numbers in decimal, bytes as they are. */
export type Argument = string | number | bigint | Uint8Array;

/** A command: its name and its arguments. */
export type Command = readonly Argument[];

/**
 * What a command answers. Integers beyond 2^53 are `bigint`. Inside arrays an error is a value, because the other
 * elements count too.
 */
export type Reply =
  | null
  | string
  | number
  | bigint
  | boolean
  | Uint8Array
  | Reply[]
  | Map<Reply, Reply>
  | Set<Reply>
  | LarderError;

/** How strings of a reply are given. */
export interface ReplyOptions {
  /** Strings as `Uint8Array` copies. Status replies, error texts and the keys of maps stay text. */
  binary?: boolean;
}

/** Where the engine's code comes from. */
export type WasmSource = WebAssembly.Module | ArrayBuffer | Uint8Array | Response | URL | string;

/** How to open a database. */
export interface OpenOptions extends ReplyOptions {
  /** The engine's code, where the entry cannot find it itself. One engine module serves all databases: the first wins. */
  wasm?: WasmSource | Promise<WasmSource>;
  /** The clock, Unix time in milliseconds. `Date.now` unless told. */
  now?: () => number;
  /** 64 bits that decide hashes and random choices. Random unless told; fixed ones are for tests. */
  seed?: bigint;
  /** Removes expired keys in the background, with a timer that keeps no process alive. True unless told. */
  activeExpiry?: boolean;
  /** Settings as CONFIG SET takes them, such as `{ maxmemory: "64mb" }`. */
  config?: Readonly<Record<string, string | number>>;
}

/** Options of `set`. */
export interface SetOptions {
  /** Lifetime in seconds. */
  ex?: number;
  /** Lifetime in milliseconds. */
  px?: number;
  /** Only if the key does not exist. */
  nx?: boolean;
  /** Only if the key exists. */
  xx?: boolean;
  /** Keeps the lifetime the key has. */
  keepTtl?: boolean;
}
