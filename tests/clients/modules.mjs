// Loads the npm clients from .cache/node, where tests/clients/install puts them, and names the server under test.
import { createRequire } from 'node:module';

export const load = createRequire(process.env.CLIENT_MODULES);
export const host = process.env.SERVER_HOST;
export const port = Number(process.env.SERVER_PORT);
export const httpUrl = process.env.SERVER_HTTP_URL;
export const password = process.env.SERVER_PASSWORD;
export const isLarder = process.env.SERVER_KIND === 'larder';
