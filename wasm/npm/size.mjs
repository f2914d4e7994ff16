#!/usr/bin/env node
// Prints the sizes of what is shipped and fails if the engine is over its budget, or imports more than its glue.
// `--report` only prints.
import { readdirSync, readFileSync } from "node:fs";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

/** Budget of larder.wasm with brotli -q 11. */
const BUDGET_BYTES = 220_000;
const GLUE = "./larder_bg.js";

const dist = new URL("./dist/", import.meta.url);
const shown = readdirSync(dist).filter((name) => /\.(wasm|js)$/.test(name)).sort();
let failed = false;

console.log("file".padEnd(28), "raw".padStart(9), "gzip".padStart(9), "brotli".padStart(9));
for (const name of shown) {
  const bytes = readFileSync(new URL(name, dist));
  const gzip = gzipSync(bytes, { level: 9 }).length;
  const brotli = brotliCompressSync(bytes, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
  }).length;
  console.log(name.padEnd(28), String(bytes.length).padStart(9), String(gzip).padStart(9), String(brotli).padStart(9));
  if (name === "larder.wasm" && brotli > BUDGET_BYTES) {
    console.error(`larder.wasm is ${brotli - BUDGET_BYTES} bytes over its budget of ${BUDGET_BYTES} bytes with brotli`);
    failed = true;
  }
}

const module = new WebAssembly.Module(readFileSync(new URL("larder.wasm", dist)));
for (const { module: from, name } of WebAssembly.Module.imports(module)) {
  if (from !== GLUE) {
    console.error(`larder.wasm imports ${name} from ${from}: only ${GLUE} may be there`);
    failed = true;
  }
}
process.exitCode = failed && !process.argv.includes("--report") ? 1 : 0;
