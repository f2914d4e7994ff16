/** Node, Deno and Bun: the engine's code is read from the file next to this one. */
import { readFileSync } from "node:fs";
import { Larder as Base } from "./larder.js";
import { NodeText } from "./text-node.js";

export { LarderError } from "./error.js";

// A class of its own, not a setting made on import: bundlers may skip modules that only have effects.
export class Larder extends Base {
  protected static override loader = {
    source: () => new WebAssembly.Module(readFileSync(new URL("./larder.wasm", import.meta.url))),
    text: () => new NodeText(),
  };
}
