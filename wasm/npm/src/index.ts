export type { Connection } from "./connection.js";
export { LarderError } from "./error.js";
export { Larder } from "./larder.js";
export type { Argument, Command, OpenOptions, Reply, ReplyOptions, SetOptions, WasmSource } from "./types.js";
