#!/usr/bin/env node
// Builds the npm package: cargo → wasm-bindgen → wasm-opt → TypeScript → wasm/npm/dist. Run `npm ci` in wasm/npm first.
// Needs no network after that. CARGO_TARGET_DIR is respected. Fails if the engine is over its budget, see npm/size.mjs.
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

// The standard library as shipped brings formatted panic messages, locations and unwinding, 16 kB in all. Built along
// with the engine it can do without. That needs unstable switches, which are safe here: rust-toolchain.toml pins the
// compiler, and a panic in the engine ends in a trap either way.
const SMALL_STD = {
  cargo: ["-Zbuild-std=std,panic_abort", "-Zbuild-std-features=optimize_for_size"],
  // hot_paths: functions that every request passes are compiled for speed, all others for size. Their inliner is held
  // back a little, and code that core has already is not compiled once more for the crate that exports.
  rustc: [
    "--cfg=hot_paths",
    "-Cllvm-args=-inlinedefault-threshold=100",
    "-Zshare-generics=y",
    "-Zlocation-detail=none",
    "-Zfmt-debug=none",
    "-Zunstable-options",
    "-Cpanic=immediate-abort",
  ],
};

function run(program, args, cwd = root, env = {}) {
  const { status, error } = spawnSync(program, args, { cwd, env: { ...process.env, ...env }, stdio: "inherit" });
  if (status === 0) return;
  console.error(`${program} failed${error === undefined ? "" : `: ${error.message}`}`);
  process.exit(1);
}

/** Whether the pinned toolchain has the sources of the standard library. */
function hasRustSource() {
  const { stdout } = spawnSync("rustc", ["--print", "sysroot"], { cwd: root, encoding: "utf8" });
  return existsSync(join((stdout ?? "").trim(), "lib/rustlib/src/rust/library/std/Cargo.toml"));
}

/** Compiles the engine; false if it had to be the plain build, which is larger. */
function compileEngine() {
  const args = ["build", "-p", "larder-wasm", "--profile", "wasm", "--target", "wasm32-unknown-unknown"];
  if (hasRustSource()) {
    run("cargo", [...args, ...SMALL_STD.cargo], root, { RUSTC_BOOTSTRAP: "1", RUSTFLAGS: SMALL_STD.rustc.join(" ") });
    return true;
  }
  console.error("WARNING: rust-src is missing, so the standard library is taken as it comes: the engine gets larger and");
  console.error("WARNING: slower. Its size is not checked. `rustup component add rust-src` makes the build that is shipped.");
  run("cargo", args);
  return false;
}

const tool = (name) => join(npm, "node_modules", ".bin", name);

if (!existsSync(tool("esbuild"))) {
  console.error("wasm/npm/node_modules is missing: run `npm ci` in wasm/npm");
  process.exit(1);
}
rmSync(dist, { recursive: true, force: true });
rmSync(glue, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });

const small = compileEngine();
run("cargo", ["build", "-p", "larder-wasm-build"]);
run(
  join(target, "debug", "larder-wasm-build"),
  [join(target, "wasm32-unknown-unknown/wasm/larder_wasm.wasm"), glue],
  root,
  { LARDER_KEEP_NAMES: "1" },
);
run(tool("wasm-opt"), [
  "--flatten",
  "--rereloop",
  "-Oz",
  "--converge",
  // Related functions side by side compress better. The names have served then.
  "--reorder-functions-by-name",
  "--strip-debug",
  // Nothing of ours lies below 1024: the stack does, and an overflow of it traps.
  "--low-memory-unused",
  "--strip-producers",
  "--strip-target-features",
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
run("node", small ? ["size.mjs"] : ["size.mjs", "--report"], npm);
