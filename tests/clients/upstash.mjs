// @upstash/redis, unmodified, over HTTP: with the server's password as token, or with any token when it has none.
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { httpUrl, load, password } from './modules.mjs';

const { Redis, errors } = load('@upstash/redis');
const token = password || 'any token will do';
const redis = new Redis({ url: httpUrl, token });

// What went over the wire, so that tests can see requests and headers.
const exchanges = [];
const plainFetch = globalThis.fetch;
globalThis.fetch = async (url, options) => {
  const response = await plainFetch(url, options);
  const headers = new Headers(options.headers);
  exchanges.push({ path: new URL(url).pathname, headers, body: options.body, response });
  return response;
};

beforeEach(async () => {
  await redis.flushdb();
  exchanges.length = 0;
});

describe('commands', () => {
  test('strings and counters', async () => {
    assert.equal(await redis.set('k', 'v'), 'OK');
    assert.equal(await redis.get('k'), 'v');
    assert.equal(await redis.get('none'), null);
    assert.equal(await redis.set('k', 'w', { nx: true }), null);
    assert.equal(await redis.set('k', 'w', { get: true, ex: 100 }), 'v');
    assert.deepEqual([await redis.incr('n'), await redis.incrby('n', 41), await redis.decrby('n', 2)], [1, 42, 40]);
    assert.equal(await redis.incrbyfloat('n', 0.5), 40.5);
    assert.equal(await redis.append('text', 'abc'), 3);
    assert.equal(await redis.setrange('text', 1, 'XY'), 3);
    assert.equal(await redis.getrange('text', 0, -1), 'aXY');
    assert.equal(await redis.strlen('text'), 3);
    assert.equal(await redis.mset({ a: 1, b: 'two' }), 'OK');
    assert.deepEqual(await redis.mget('a', 'none', 'b'), [1, null, 'two']);
    assert.equal(await redis.getdel('b'), 'two');
    assert.equal(await redis.del('a', 'b'), 1);
  });

  test('expiry', async () => {
    await redis.set('k', 'v', { px: 50_000 });
    const ttl = await redis.ttl('k');
    assert.ok(ttl > 40 && ttl <= 50);
    assert.equal(await redis.expire('k', 100), 1);
    assert.ok((await redis.pttl('k')) > 90_000);
    assert.equal(await redis.persist('k'), 1);
    assert.deepEqual([await redis.ttl('k'), await redis.ttl('none')], [-1, -2]);
    assert.equal(await redis.getex('k', { ex: 7 }), 'v');
    assert.ok((await redis.ttl('k')) <= 7);
  });

  test('keys', async () => {
    await redis.mset(Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`user:${n}`, n])));
    assert.equal(await redis.dbsize(), 300);
    assert.deepEqual((await redis.keys('user:29?')).sort(), Array.from({ length: 10 }, (_, n) => `user:29${n}`));
    const found = new Set();
    let cursor = '0';
    do {
      const [next, names] = await redis.scan(cursor, { match: 'user:*', count: 50 });
      names.forEach((name) => found.add(name));
      cursor = next;
    } while (cursor !== '0');
    assert.equal(found.size, 300);
    assert.equal(await redis.type('user:1'), 'string');
    assert.equal(await redis.exists('user:1', 'user:1', 'none'), 2);
    assert.equal(await redis.rename('user:1', 'renamed'), 'OK');
    assert.equal(await redis.copy('renamed', 'copied'), 'COPIED');
    assert.equal(await redis.unlink('renamed', 'copied'), 2);
    assert.equal(await redis.flushdb(), 'OK');
    assert.equal(await redis.dbsize(), 0);
  });

  test('bits', async () => {
    assert.equal(await redis.setbit('b', 7, 1), 0);
    assert.equal(await redis.getbit('b', 7), 1);
    assert.equal(await redis.bitcount('b', 0, 0), 1);
    assert.equal(await redis.bitpos('b', 1), 7);
    // The builder of BITFIELD fails inside an automatic pipeline.
    const single = new Redis({ url: httpUrl, token, enableAutoPipelining: false });
    assert.deepEqual(await single.bitfield('b').set('u8', '#1', 255).get('u4', 8).exec(), [0, 15]);
  });

  test('ping, echo, time', async () => {
    assert.equal(await redis.ping(), 'PONG');
    assert.equal(await redis.echo('hello'), 'hello');
    const [seconds] = await redis.time();
    assert.ok(Math.abs(Number(seconds) - Date.now() / 1000) < 5);
  });
});

describe('values', () => {
  test('JSON goes in and comes out', async () => {
    for (const value of [{ a: 1, b: [true, null, 'x'] }, [1, 'two', { three: 3 }], 12.5, true, false, -7, 'plain', '']) {
      await redis.set('k', value);
      assert.deepEqual(await redis.get('k'), value);
    }
    await redis.set('large number', '90071992547409931234');
    assert.equal(await redis.get('large number'), '90071992547409931234');
  });

  test('JSON can be left alone', async () => {
    const raw = new Redis({ url: httpUrl, token, automaticDeserialization: false });
    await redis.set('k', { a: 1 });
    assert.equal(await raw.get('k'), '{"a":1}');
    await redis.set('n', 5);
    assert.equal(await raw.get('n'), '5');
  });

  test('text beyond ASCII, and text that looks like a status', async () => {
    for (const value of ['åß🦀 \u0000\u0001 "quoted" \\ \r\n', 'OK', 'QUEUED', 'T0s=', '日本語'.repeat(1000)]) {
      await redis.set(`key ${value}`, value);
      assert.equal(await redis.get(`key ${value}`), value);
    }
    const plain = new Redis({ url: httpUrl, token, responseEncoding: false });
    await plain.set('k', 'åß🦀');
    assert.equal(await plain.get('k'), 'åß🦀');
    assert.equal(exchanges.at(-1).headers.get('upstash-encoding'), null);
    assert.equal(exchanges[0].headers.get('upstash-encoding'), 'base64');
  });

  test('one MiB', async () => {
    const value = 'larder'.repeat(200_000);
    await redis.set('k', value);
    assert.equal(await redis.get('k'), value);
  });
});

describe('batches', () => {
  test('commands of one tick are one request', async () => {
    const names = Array.from({ length: 100 }, (_, n) => `tick${n}`);
    await Promise.all(names.map((name) => redis.set(name, name)));
    assert.deepEqual(exchanges.map(({ path }) => path), ['/pipeline']);
    assert.deepEqual(await Promise.all(names.map((name) => redis.get(name))), names);
    assert.equal(exchanges.length, 2);
  });

  test('without auto-pipelining each is a request to /', async () => {
    const single = new Redis({ url: httpUrl, token, enableAutoPipelining: false });
    await Promise.all([single.set('a', 1), single.set('b', 2)]);
    assert.deepEqual(exchanges.map(({ path }) => path), ['/', '/']);
    assert.deepEqual(await single.mget('a', 'b'), [1, 2]);
  });

  test('pipeline', async () => {
    assert.deepEqual(await redis.pipeline().set('k', 1).incr('k').get('k').get('none').exec(), ['OK', 2, 2, null]);
    const kept = await redis.pipeline().set('k', 'text').incr('k').get('k').exec({ keepErrors: true });
    assert.deepEqual([kept[0].result, kept[2].result], ['OK', 'text']);
    assert.equal(kept[1].error, 'ERR value is not an integer or out of range');
    assert.deepEqual(exchanges.map(({ response }) => response.status), [200, 200]);
    await assert.rejects(redis.pipeline().set('k', 'text').incr('k').exec(), /Command 2 \[ incr \] failed: ERR value is not an integer/);
  });

  test('transaction', async () => {
    assert.deepEqual(await redis.multi().set('k', 1).incr('k').get('k').exec(), ['OK', 2, 2]);
    assert.equal(exchanges.at(-1).path, '/multi-exec');
    const kept = await redis.multi().set('k', 'text').incr('k').set('after', 1).exec({ keepErrors: true });
    assert.match(kept[1].error, /^ERR value is not an integer or out of range/);
    assert.equal(await redis.get('after'), 1);
  });

  test('a transaction that was thrown away changes nothing', async () => {
    await assert.rejects(redis.multi().set('k', 1).getrange('k').exec(), errors.UpstashError);
    assert.equal(exchanges.at(-1).response.status, 400);
    assert.equal(await redis.get('k'), null);
  });
});

describe('errors', () => {
  test('a refused command', async () => {
    await redis.set('k', 'text');
    await assert.rejects(redis.incr('k'), { name: 'UpstashError', message: /ERR value is not an integer or out of range/ });
    await assert.rejects(redis.exec(['NOSUCH', 'a']), { message: /^ERR unknown command 'NOSUCH'.*command was: \["NOSUCH","a"\]/ });
    assert.equal(exchanges.at(-1).response.status, 400);
    await assert.rejects(redis.exec(['get']), { message: /^ERR wrong number of arguments for 'get' command/ });
  });

  test('a wrong token', { skip: password ? false : 'the server has no password' }, async () => {
    for (const wrong of ['wrong', `${password}x`, password.slice(1)]) {
      const stranger = new Redis({ url: httpUrl, token: wrong, retry: false });
      await assert.rejects(stranger.get('k'), { message: /WRONGPASS invalid or missing auth token/ });
      assert.equal(exchanges.at(-1).response.status, 401);
    }
    assert.equal(await redis.ping(), 'PONG');
  });

  test('any token, when the server has no password', { skip: password ? 'the server has a password' : false }, async () => {
    for (const some of ['one', 'another']) assert.equal(await new Redis({ url: httpUrl, token: some }).ping(), 'PONG');
  });
});

describe('read your writes', () => {
  const sent = () => exchanges.at(-1).headers.get('upstash-sync-token');
  const received = () => exchanges.at(-1).response.headers.get('upstash-sync-token');

  test('the token changes with each write and is sent back', async () => {
    const client = new Redis({ url: httpUrl, token, readYourWrites: true });
    await client.set('k', 1);
    const first = received();
    assert.ok(first);
    await client.set('k', 2);
    assert.equal(sent(), first);
    const second = received();
    assert.notEqual(second, first);
    await client.pipeline().set('k', 3).set('l', 3).exec();
    assert.equal(sent(), second);
    assert.notEqual(received(), second);
    assert.equal(await client.get('k'), 3);
    await client.flushdb();
    assert.ok(received());
  });

  test('every answer has a token, errors too', async () => {
    await assert.rejects(redis.exec(['NOSUCH']));
    assert.ok(received());
  });

  test('it can be left out', async () => {
    const client = new Redis({ url: httpUrl, token, readYourWrites: false });
    await client.set('k', 1);
    assert.equal(sent(), null);
  });
});

test('the environment names the server', async () => {
  process.env.UPSTASH_REDIS_REST_URL = httpUrl;
  process.env.UPSTASH_REDIS_REST_TOKEN = token;
  assert.equal(await Redis.fromEnv().ping(), 'PONG');
});
