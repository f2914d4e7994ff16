// ioredis, unmodified. The argument names the installed version: `ioredis` (6, RESP3) or `ioredis5` (RESP2).
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { host, isLarder, load, port } from './modules.mjs';

const { Redis } = load(process.argv[2] ?? 'ioredis');
const options = { host, port, maxRetriesPerRequest: 2, connectionName: 'ioredis-test' };
let redis;

before(() => {
  redis = new Redis(options);
});
beforeEach(() => redis.flushall());
after(() => redis.disconnect());

test('connects, is ready, and tells its name and library', async () => {
  assert.equal(redis.status, 'ready');
  assert.equal(await redis.client('GETNAME'), 'ioredis-test');
  const info = await redis.client('INFO');
  assert.match(info, /name=ioredis-test/);
  // Redis 7.0 does not have CLIENT SETINFO yet.
  if (isLarder) assert.match(info, /lib-name=ioredis/);
});

test('strings, options and counters', async () => {
  assert.equal(await redis.set('k', 'v', 'EX', 100, 'NX'), 'OK');
  assert.equal(await redis.set('k', 'w', 'NX'), null);
  assert.equal(await redis.get('k'), 'v');
  const ttl = await redis.ttl('k');
  assert.ok(ttl > 90 && ttl <= 100);
  assert.equal(await redis.get('none'), null);
  assert.deepEqual([await redis.incr('n'), await redis.incrby('n', 41), await redis.decr('n')], [1, 42, 41]);
  assert.equal(Number(await redis.incrbyfloat('n', '0.5')), 41.5);
  await redis.mset({ a: '1', b: 'å' });
  assert.deepEqual(await redis.mget('a', 'none', 'b'), ['1', null, 'å']);
  assert.equal(await redis.getdel('a'), '1');
  assert.equal(await redis.exists('a', 'b', 'b'), 2);
});

test('binary keys and values', async () => {
  const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
  await redis.set(everyByte, everyByte);
  assert.deepEqual(await redis.getBuffer(everyByte), everyByte);
  const large = Buffer.alloc(1 << 20, 'larder');
  await redis.set('large', large);
  assert.ok(large.equals(await redis.getBuffer('large')));
});

test('pipeline keeps order and reports each error', async () => {
  const results = await redis.pipeline().set('k', 'text').incr('k').get('k').exec();
  assert.deepEqual([results[0], results[2]], [[null, 'OK'], [null, 'text']]);
  assert.match(results[1][0].message, /^ERR value is not an integer or out of range$/);
  const many = redis.pipeline();
  for (let n = 0; n < 5000; n += 1) many.set(`p${n}`, n);
  assert.equal((await many.exec()).filter(([error, reply]) => !error && reply === 'OK').length, 5000);
  assert.equal(await redis.dbsize(), 5001);
});

test('auto-pipelining', async () => {
  const automatic = new Redis({ ...options, enableAutoPipelining: true });
  const names = Array.from({ length: 200 }, (_, n) => `auto${n}`);
  await Promise.all(names.map((name) => automatic.set(name, name)));
  assert.deepEqual(await Promise.all(names.map((name) => automatic.get(name))), names);
  automatic.disconnect();
});

test('transactions', async () => {
  assert.deepEqual(await redis.multi().set('k', '1').incr('k').exec(), [[null, 'OK'], [null, 2]]);
  await assert.rejects(redis.multi().set('k', '1').call('NOSUCH').exec(), /EXECABORT/);
  assert.equal(await redis.get('k'), '2');
  const other = redis.duplicate();
  await redis.watch('k');
  await other.incr('k');
  assert.equal(await redis.multi().set('k', 'lost').exec(), null);
  assert.equal(await redis.get('k'), '3');
  other.disconnect();
});

test('scanStream finds every key once or more', async () => {
  const names = Array.from({ length: 1000 }, (_, n) => `scan:${n}`);
  await redis.mset(Object.fromEntries(names.map((name) => [name, 1])));
  await redis.set('other', 1);
  const found = new Set();
  for await (const batch of redis.scanStream({ match: 'scan:*', count: 100 })) for (const name of batch) found.add(name);
  assert.deepEqual([...found].sort(), names.sort());
});

test('bits', async () => {
  assert.equal(await redis.setbit('b', 7, 1), 0);
  assert.equal(await redis.bitcount('b'), 1);
  assert.deepEqual(await redis.bitfield('b', 'SET', 'u8', '#1', 255, 'GET', 'u4', 8), [0, 15]);
});

test('databases and key prefixes', async () => {
  const fifth = new Redis({ ...options, db: 5, keyPrefix: 'app:' });
  await fifth.set('k', 'five');
  assert.deepEqual(await fifth.keys('*'), ['app:k']);
  assert.equal(await redis.exists('app:k'), 0);
  fifth.disconnect();
});

test('errors have the texts that programs match', async () => {
  await assert.rejects(redis.call('NOSUCH', 'a'), { message: /^ERR unknown command 'NOSUCH', with args beginning with: 'a'/ });
  await assert.rejects(redis.call('GET'), { message: "ERR wrong number of arguments for 'get' command" });
  await assert.rejects(redis.set('k', 'v', 'EX', 0), { message: "ERR invalid expire time in 'set' command" });
});

test('reconnects after its connection was killed', async () => {
  const victim = new Redis({ ...options, retryStrategy: () => 20 });
  const id = await victim.client('ID');
  assert.equal(await redis.client('KILL', 'ID', id), 1);
  await new Promise((resolve) => victim.once('ready', resolve));
  assert.notEqual(await victim.client('ID'), id);
  victim.disconnect();
});

test('info and config', async () => {
  assert.match(await redis.info(), /^loading:0\r$/m);
  const reply = await redis.config('GET', 'databases');
  assert.equal(Array.isArray(reply) ? reply[1] : reply.databases, '16');
});

test('quit', async () => {
  const leaving = new Redis(options);
  assert.equal(await leaving.quit(), 'OK');
});
