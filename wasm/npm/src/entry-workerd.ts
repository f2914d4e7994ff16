/** Cloudflare Workers: the engine's code is compiled at deployment and imported as a module. */
import { Larder as Base } from "./larder.js";
// @ts-expect-error There are no types for a module that the runtime makes.
import engine from "./larder.wasm";

export { LarderError } from "./error.js";

export class Larder extends Base {
  protected static override loader = { source: () => engine as WebAssembly.Module };
}
