import { Connection } from "./connection.js";
import { Engine } from "./engine.js";
import { LarderError } from "./error.js";
import { type Loader, load } from "./load.js";
import { ReplyReader } from "./reply.js";
import { argumentBytes, commandBytes, RequestWriter } from "./request.js";
import type { Runtime } from "./runtime.js";
import type { Argument, Command, OpenOptions, Reply, ReplyOptions, SetOptions } from "./types.js";

/** Where only the caller knows the engine's code: the slim entry. */
const CALLER: Loader = {
  source() {
    throw new LarderError("LARDER_LOAD", "this entry needs `wasm`: a module, its bytes, a response or an address");
  },
};

const HELLO = "*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n";
const GET = "*2\r\n$3\r\nGET\r\n";
const SET = "*3\r\n$3\r\nSET\r\n";

/** Room for the longest of the frames above and the head of a command. */
const COMMAND_FRAME_BYTES = 64;

/** A Redis-compatible database in this JavaScript runtime. Commands run at once, without promises. */
export class Larder {
  /** Finds the engine's code. */
  protected static loader: Loader = CALLER;

  readonly #engine: Engine;
  readonly #runtime: Runtime;
  readonly #writer: RequestWriter;
  readonly #reader: ReplyReader;
  readonly #binary: boolean;
  #client = 0;
  #nowMs = 0;
  #raw: Connection | undefined;

  /** Opens an empty database. */
  static async open(options: OpenOptions = {}): Promise<Larder> {
    const { wasm } = options;
    const loader = this.loader;
    const runtime = await load(wasm === undefined ? loader : { ...loader, source: () => wasm });
    const database = new this(runtime, options);
    for (const [name, value] of Object.entries(options.config ?? {})) database.exec(["CONFIG", "SET", name, value]);
    return database;
  }

  /** @internal Use `Larder.open`. */
  protected constructor(runtime: Runtime, options: OpenOptions) {
    this.#runtime = runtime;
    this.#engine = new Engine(
      runtime,
      options.seed ?? randomSeed(),
      options.now ?? (() => Date.now()),
      options.activeExpiry ?? true,
    );
    this.#writer = new RequestWriter(runtime);
    this.#reader = new ReplyReader(runtime);
    this.#binary = options.binary ?? false;
    abandoned.register(this, this.#engine, this);
  }

  /** Runs a command: `exec(["SET", "key", 1])`. Throws `LarderError` if it answers with an error. */
  exec(command: Command, options?: ReplyOptions): Reply {
    const writer = this.#begin(commandBytes(command), "");
    writer.command(command);
    return this.#finish(options?.binary ?? this.#binary);
  }

  /** Runs commands in one go and returns their replies in order, errors among them as values. */
  pipeline(commands: readonly Command[], options?: ReplyOptions): Reply[] {
    let bytes = 0;
    for (const command of commands) bytes += commandBytes(command);
    if (bytes === 0) return [];
    const writer = this.#begin(bytes, "");
    for (const command of commands) writer.command(command);
    this.#run(options?.binary ?? this.#binary);
    const replies: Reply[] = [];
    for (let i = 0; i < commands.length; i++) replies.push(this.#reader.more ? this.#reader.next() : this.#replaceClient());
    return replies;
  }

  /** RESP in, RESP out, over one connection of its own; after QUIT the next call begins another. See {@link connect}. */
  raw(bytes: Uint8Array): Uint8Array {
    if (this.#raw?.open !== true) this.#raw = this.connect();
    return this.#raw.send(bytes);
  }

  /** A further connection to this database that speaks RESP itself. */
  connect(): Connection {
    return new Connection(this.#engine);
  }

  /** The string at a key, or null. */
  get(key: Argument): string | null;
  get(key: Argument, options: { binary: true }): Uint8Array | null;
  get(key: Argument, options?: ReplyOptions): string | Uint8Array | null {
    const writer = this.#begin(COMMAND_FRAME_BYTES + argumentBytes(key), GET);
    writer.argument(key);
    return this.#finish(options?.binary ?? this.#binary) as string | Uint8Array | null;
  }

  /** Stores a string. Null if `nx` or `xx` kept it from doing so. */
  set(key: Argument, value: Argument, options?: SetOptions): "OK" | null {
    if (options !== undefined) return this.exec(setCommand(key, value, options)) as "OK" | null;
    const writer = this.#begin(COMMAND_FRAME_BYTES + argumentBytes(key) + argumentBytes(value), SET);
    writer.argument(key);
    writer.argument(value);
    return this.#finish(false) as "OK" | null;
  }

  /** The strings at keys, null where there is none. */
  mget(...keys: Argument[]): (string | null)[] {
    return this.exec(["MGET", ...keys]) as (string | null)[];
  }

  /** Stores several strings at once. */
  mset(entries: Readonly<Record<string, Argument>> | ReadonlyMap<Argument, Argument>): "OK" {
    const pairs = entries instanceof Map ? [...entries] : Object.entries(entries);
    return this.exec(["MSET", ...pairs.flat()]) as "OK";
  }

  /** Removes keys and returns how many there were. */
  del(...keys: Argument[]): number {
    return this.exec(["DEL", ...keys]) as number;
  }

  /** How many of the keys exist. */
  exists(...keys: Argument[]): number {
    return this.exec(["EXISTS", ...keys]) as number;
  }

  /** Adds one, or `by`, to the integer at a key and returns the sum. */
  incr(key: Argument, by: number | bigint = 1): number | bigint {
    return this.exec(["INCRBY", key, by]) as number | bigint;
  }

  /** Takes one, or `by`, from the integer at a key and returns the difference. */
  decr(key: Argument, by: number | bigint = 1): number | bigint {
    return this.exec(["DECRBY", key, by]) as number | bigint;
  }

  /** Appends to the string at a key and returns its length in bytes. */
  append(key: Argument, value: Argument): number {
    return this.exec(["APPEND", key, value]) as number;
  }

  /** Gives a key a lifetime in seconds; false if there is no such key. */
  expire(key: Argument, seconds: number): boolean {
    return this.exec(["EXPIRE", key, seconds]) === 1;
  }

  /** Gives a key a lifetime in milliseconds; false if there is no such key. */
  pexpire(key: Argument, ms: number): boolean {
    return this.exec(["PEXPIRE", key, ms]) === 1;
  }

  /** Takes a key's lifetime away; false if it had none. */
  persist(key: Argument): boolean {
    return this.exec(["PERSIST", key]) === 1;
  }

  /** Seconds a key has left; -1 if it stays for ever, -2 if there is none. */
  ttl(key: Argument): number {
    return this.exec(["TTL", key]) as number;
  }

  /** Milliseconds a key has left; -1 if it stays for ever, -2 if there is none. */
  pttl(key: Argument): number {
    return this.exec(["PTTL", key]) as number;
  }

  /** What kind of value a key has; `none` if there is none. */
  type(key: Argument): string {
    return this.exec(["TYPE", key]) as string;
  }

  /** How many keys there are. */
  dbsize(): number {
    return this.exec(["DBSIZE"]) as number;
  }

  /** Removes all keys of all numbered databases. */
  flushall(): "OK" {
    return this.exec(["FLUSHALL"]) as "OK";
  }

  /** Removes expired keys now, a bounded number; true if there are more. For hosts that set `activeExpiry` to false. */
  tick(): boolean {
    return this.#engine.tick();
  }

  /** Frees the database's memory. May be called twice; any other call then throws `LARDER_CLOSED`. */
  close(): void {
    abandoned.unregister(this);
    this.#engine.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #begin(bytes: number, frame: string): RequestWriter {
    if (this.#client === 0 || this.#engine.number === 0) this.#openClient();
    // The clock may be the caller's code: it runs before the request area is used.
    this.#nowMs = this.#engine.now();
    this.#writer.begin(bytes, frame);
    return this.#writer;
  }

  #run(binary: boolean): void {
    const runtime = this.#runtime;
    const length = runtime.exec(this.#client, this.#writer.end, this.#nowMs);
    if (runtime.clientGone) this.#client = 0;
    this.#engine.wake();
    this.#reader.begin(length, binary);
  }

  #finish(binary: boolean): Reply {
    this.#run(binary);
    if (!this.#reader.more) throw this.#replaceClient();
    const reply = this.#reader.next();
    if (reply instanceof LarderError) throw reply;
    return reply;
  }

  #openClient(): void {
    this.#client = this.#engine.openClient();
    this.#nowMs = this.#engine.now();
    this.#writer.begin(HELLO.length, HELLO);
    this.#run(false);
  }

  /** A reply that does not come now would be taken for the next command's: the session is given up. */
  #replaceClient(): LarderError {
    const client = this.#client;
    this.#client = 0;
    if (client !== 0) this.#runtime.call((exports) => exports.close_client(client));
    return new LarderError("LARDER_NO_REPLY", "the command was held back or silenced; its session has ended");
  }
}

/** A safety net for databases that nobody closed. */
const abandoned = new FinalizationRegistry<Engine>((engine) => engine.close());

function setCommand(key: Argument, value: Argument, options: SetOptions): Argument[] {
  const command: Argument[] = ["SET", key, value];
  if (options.ex !== undefined) command.push("EX", options.ex);
  if (options.px !== undefined) command.push("PX", options.px);
  if (options.nx === true) command.push("NX");
  if (options.xx === true) command.push("XX");
  if (options.keepTtl === true) command.push("KEEPTTL");
  return command;
}

function randomSeed(): bigint {
  const [low, high] = crypto.getRandomValues(new Uint32Array(2));
  return (BigInt(high!) << 32n) | BigInt(low!);
}
