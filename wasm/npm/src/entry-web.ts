/** Browsers, their workers, and bundlers for them: the engine's code is fetched from beside this file. */
import { Larder as Base } from "./larder.js";

export { LarderError } from "./error.js";

export class Larder extends Base {
  // Bundlers know this form and bring the file along.
  protected static override loader = { source: () => new URL("./larder.wasm", import.meta.url) };
}
