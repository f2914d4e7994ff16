#!/usr/bin/env node
// The built package and the playground in headless Chromium: `node tests/browser/run.mjs`.
// Needs `npm ci` and a build in wasm/npm, and Debian's chromium. CHROMIUM names another one.
import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { serve } from "../../web/serve.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const root = new URL("../../", import.meta.url);
const { chromium } = createRequire(new URL("wasm/npm/package.json", root))("playwright-core");
const pictures = fileURLToPath(new URL("target/browser/", root));

const BROWSER = {
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  headless: true,
  // Without these Chromium calls out at every start.
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
};
/** What the pictures show. */
const SHOWN = [
  'SET greeting "hello, world" EX 60',
  "GET greeting",
  "TTL greeting",
  "MGET a nothing visits",
  "CONFIG GET databases",
  "INCR greeting",
];
const WAIT_MS = 20_000;

let passed = 0;
let failed = 0;

function check(what, good, actual = "") {
  if (good) passed++;
  else failed++;
  console.log(`${good ? "ok  " : "FAIL"} ${what}${good ? "" : `: ${actual}`}`);
}

async function engineInPage(page, origin) {
  await page.goto(`${origin}/browser/page.html`);
  const done = await page.evaluate(async () => (await import("/browser/engine-checks.js")).checks());
  for (const [what, good, actual] of done) check(`page: ${what}`, good, actual);
}

async function engineInWorker(page, origin) {
  await page.goto(`${origin}/browser/page.html`);
  const done = await page.evaluate(
    (wait) =>
      new Promise((resolve, reject) => {
        const worker = new Worker("/browser/worker.js", { type: "module" });
        worker.onmessage = (event) => resolve(event.data);
        worker.onerror = (event) => reject(new Error(`worker: ${event.message}`));
        setTimeout(() => reject(new Error("worker: no answer")), wait);
      }),
    WAIT_MS,
  );
  for (const [what, good, actual] of done) check(`worker: ${what}`, good, actual);
}

async function playground(page, origin) {
  await page.goto(`${origin}/`);
  const line = page.getByRole("textbox", { name: "Command" });
  const last = page.locator("#log li").last();
  const keys = page.getByRole("status");
  await page.locator("#line:enabled").waitFor();
  const type = async (command) => {
    await line.fill(command);
    await line.press("Enter");
    return last.locator("pre").innerText();
  };
  const expect = async (command, reply) => {
    const actual = await type(command);
    check(`playground: ${command}`, actual === reply, actual);
  };
  await expect('SET greeting "hello, world" EX 60', "OK");
  await expect("GET greeting", '"hello, world"');
  await expect("TTL greeting", "(number) 60");
  await expect("INCRBY visits 5", "(number) 5");
  await expect("MGET greeting nothing visits", '1) "hello, world"\n2) (nil)\n3) "5"');
  await expect("CONFIG GET databases", 'databases → "16"');
  await expect("INCR greeting", "(error) ERR value is not an integer or out of range");
  await expect('GET "open', "(error) a quote is not closed");
  await expect('SET markup "<b>&amp;</b>"', "OK");
  await expect("GET markup", '"<b>&amp;</b>"');
  await expect('SETRANGE bytes 0 "\\x41\\x42"', "(number) 2");
  await expect("GET bytes", '"AB"');
  check("playground: key count", (await keys.innerText()) === "4 keys", await keys.innerText());
  await line.press("ArrowUp");
  check("playground: history", (await line.inputValue()) === "GET bytes", await line.inputValue());
  await page.getByRole("button", { name: "MSET a 1 b 2 c 3" }).click();
  check("playground: example", (await keys.innerText()) === "7 keys", await keys.innerText());
  await line.press("Control+l");
  check("playground: clear", (await page.locator("#log li").count()) === 0);
  for (const command of SHOWN) await type(command);
  mkdirSync(pictures, { recursive: true });
  await page.screenshot({ path: `${pictures}playground.png` });
  await page.emulateMedia({ colorScheme: "dark" });
  await page.screenshot({ path: `${pictures}playground-dark.png` });
  await page.setViewportSize({ width: 390, height: 760 });
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  check("playground: fits a telephone", overflow <= 0, `${overflow} px too wide`);
  await page.screenshot({ path: `${pictures}playground-narrow.png` });
}

const server = await serve(0, { browser: here });
const origin = `http://127.0.0.1:${server.address().port}`;
const browser = await chromium.launch(BROWSER);
try {
  for (const part of [engineInPage, engineInWorker, playground]) {
    const page = await browser.newPage({ viewport: { width: 1000, height: 760 } });
    page.setDefaultTimeout(WAIT_MS);
    // Whatever the page reports goes wrong unseen otherwise: a blocked script, a missing file.
    const trouble = [];
    page.on("pageerror", (error) => trouble.push(error.message));
    page.on("console", (message) => message.type() === "error" && trouble.push(message.text()));
    try {
      await part(page, origin);
    } catch (error) {
      check(part.name, false, error.message);
    }
    check(`${part.name}: no errors in the page`, trouble.length === 0, trouble.join("; "));
    await page.close();
  }
} finally {
  await browser.close();
  server.close();
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
