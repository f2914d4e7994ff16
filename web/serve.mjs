#!/usr/bin/env node
// Serves the playground with the built package on loopback: `node web/serve.mjs [PORT]`.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const web = fileURLToPath(new URL(".", import.meta.url));

/** Folders by the first part of the address; the playground finds the package under `/larder/`. */
const FOLDERS = { larder: join(web, "../wasm/npm/dist") };

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
};

/** Nothing is loaded from elsewhere; the engine needs `wasm-unsafe-eval` to compile. */
const HEADERS = {
  "content-security-policy": "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; base-uri 'none'; object-src 'none'",
  "x-content-type-options": "nosniff",
  "cache-control": "no-cache",
};

/** Starts a server and returns it once it listens. Port 0 is any free one; more folders may be given by name. */
export async function serve(port = 0, folders = {}) {
  const all = { ...FOLDERS, ...folders };
  const server = createServer(async (request, response) => {
    // Parsing removes every `..` from the path; only plain names are served.
    const { pathname } = new URL(request.url, "http://localhost");
    const [, first, ...rest] = pathname.split("/");
    const file = Object.hasOwn(all, first) ? join(all[first], ...rest) : join(web, first || "index.html", ...rest);
    const type = TYPES[extname(file)];
    try {
      if (type === undefined || !/^[\w./-]*$/.test(pathname)) throw new Error("not served");
      const body = await readFile(file);
      response.writeHead(200, { ...HEADERS, "content-type": type }).end(body);
    } catch {
      response.writeHead(404, HEADERS).end("not found\n");
    }
  });
  await new Promise((resolve, reject) => server.once("error", reject).listen(port, "127.0.0.1", resolve));
  return server;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const server = await serve(Number(process.argv[2] ?? 8080));
  console.log(`http://127.0.0.1:${server.address().port}/`);
}
