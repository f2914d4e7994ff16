import init, { __wbg_reset_state, initSync } from "../build/larder.js";
import { LarderError } from "./error.js";
import { type EngineExports, Runtime } from "./runtime.js";
import { type TextCodec, WebText } from "./text.js";
import type { WasmSource } from "./types.js";

/** Finds the engine's code, and says what handles text well. Each entry has its own. */
export interface Loader {
  source(): WasmSource | Promise<WasmSource>;
  text?(): TextCodec;
}

let runtime: Runtime | undefined;
let loading: Promise<Runtime> | undefined;

/** The page's one runtime: loaded once, and again from the same code after it failed. */
export async function load(loader: Loader): Promise<Runtime> {
  if (runtime?.dead === false) return runtime;
  loading ??= instantiate(loader).finally(() => (loading = undefined));
  return loading;
}

async function instantiate(loader: Loader): Promise<Runtime> {
  const text = loader.text?.() ?? new WebText();
  runtime = new Runtime(runtime === undefined ? await engineExports(loader) : freshExports(), text);
  return runtime;
}

async function engineExports(loader: Loader): Promise<EngineExports> {
  const source = await loader.source();
  try {
    const exports = source instanceof WebAssembly.Module ? initSync({ module: source }) : await init({ module_or_path: source });
    return exports as unknown as EngineExports;
  } catch (error) {
    throw new LarderError("LARDER_LOAD", `the engine could not be loaded: ${String(error)}`);
  }
}

/** The glue keeps one instance: after a trap it is told to make another from the same module. */
function freshExports(): EngineExports {
  __wbg_reset_state();
  // With an instance in place the argument is not looked at.
  return initSync({ module: new Uint8Array() }) as unknown as EngineExports;
}
