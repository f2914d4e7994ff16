#!/usr/bin/env node
// Builds the npm package: cargo → wasm-bindgen → wasm-opt → TypeScript → wasm/npm/dist. Run `npm ci` in wasm/npm first.
// Needs no network after that. CARGO_TARGET_DIR is respected.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const wasm = dirname(fileURLToPath(import.meta.url));
const root = dirname(wasm);
const npm = join(wasm, "npm");
const glue = join(npm, "build");
const dist = join(npm, "dist");
const target = resolve(root, process.env.CARGO_TARGET_DIR ?? "target");

// Named one by one: the switch for all of them makes modules that Node 20 refuses.
const WASM_FEATURES = [
  "bulk-memory",
  "reference-types",
  "sign-ext",
  "nontrapping-float-to-int",
  "mutable-globals",
  "multivalue",
];

const ENTRIES = ["entry-node", "entry-web", "entry-workerd", "slim"];

function run(program, args, cwd = root) {
  const { status, error } = spawnSync(program, args, { cwd, stdio: "inherit" });
  if (status === 0) return;
  console.error(`${program} failed${error === undefined ? "" : `: ${error.message}`}`);
  process.exit(1);
}

const tool = (name) => join(npm, "node_modules", ".bin", name);

if (!existsSync(tool("esbuild"))) {
  console.error("wasm/npm/node_modules is missing: run `npm ci` in wasm/npm");
  process.exit(1);
}
rmSync(dist, { recursive: true, force: true });
rmSync(glue, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });

run("cargo", ["build", "-p", "larder-wasm", "--profile", "wasm", "--target", "wasm32-unknown-unknown"]);
run("cargo", ["build", "-p", "larder-wasm-build"]);
run(join(target, "debug", "larder-wasm-build"), [join(target, "wasm32-unknown-unknown/wasm/larder_wasm.wasm"), glue]);
run(tool("wasm-opt"), [
  "-Os",
  ...WASM_FEATURES.map((feature) => `--enable-${feature}`),
  join(glue, "larder_bg.wasm"),
  "-o",
  join(dist, "larder.wasm"),
]);
run(tool("tsc"), [], npm);
run(
  tool("esbuild"),
  [
    ...ENTRIES.map((entry) => `src/${entry}.ts`),
    "--bundle",
    "--splitting",
    "--format=esm",
    "--target=es2022",
    "--minify-syntax",
    "--minify-whitespace",
    "--chunk-names=shared-[hash]",
    "--external:node:*",
    "--external:*.wasm",
    "--log-level=warning",
    "--outdir=dist",
  ],
  npm,
);
run("node", ["size.mjs", "--report"], npm);
