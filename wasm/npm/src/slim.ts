/** Loads nothing: `Larder.open({ wasm })` takes the engine's code. For service workers, other bundlers, Next edge. */
export { LarderError } from "./error.js";
export { Larder } from "./larder.js";
