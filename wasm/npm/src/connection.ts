import type { Engine } from "./engine.js";
import { LarderError } from "./error.js";
import { RequestWriter } from "./request.js";

/** One client of a database that speaks RESP itself, as over TCP: it has its own SELECT, MULTI and HELLO. */
export class Connection {
  readonly #engine: Engine;
  readonly #writer: RequestWriter;
  #client: number;

  /** @internal Use `Larder.connect`. */
  constructor(engine: Engine) {
    this.#engine = engine;
    this.#writer = new RequestWriter(engine.runtime);
    this.#client = engine.openClient();
  }

  /** Whether commands can be sent: QUIT, protocol errors and `close` end a connection. */
  get open(): boolean {
    return this.#client !== 0 && this.#engine.number !== 0 && !this.#engine.runtime.dead;
  }

  /** Feeds bytes, which may end within a request, and returns a copy of the replies to all whole requests. */
  send(bytes: Uint8Array): Uint8Array {
    const { runtime } = this.#engine;
    this.#check();
    const nowMs = this.#engine.now();
    this.#writer.begin(bytes.length, "");
    this.#writer.raw(bytes);
    return this.#reply(runtime.exec(this.#client, this.#writer.end, nowMs));
  }

  /** Replies of commands that CLIENT PAUSE held back. */
  drain(): Uint8Array {
    this.#check();
    return this.#reply(this.#engine.runtime.drain(this.#client, this.#engine.now()));
  }

  /** Ends the connection. May be called twice. */
  close(): void {
    const client = this.#client;
    const open = this.open;
    this.#client = 0;
    if (open) this.#engine.runtime.call((exports) => exports.close_client(client));
  }

  #check(): void {
    if (this.#client === 0 || this.#engine.number === 0) throw new LarderError("LARDER_CLOSED", "the connection is closed");
  }

  #reply(length: number): Uint8Array {
    const { runtime } = this.#engine;
    if (runtime.clientGone) this.#client = 0;
    this.#engine.wake();
    return runtime.bytes.slice(runtime.reply, runtime.reply + length);
  }
}
