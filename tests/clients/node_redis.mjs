// node-redis, unmodified, with RESP 3 (its default) and RESP 2.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { host, isLarder, load, port } from './modules.mjs';

const { createClient, RESP_TYPES } = load('redis');
const quiet = (client) => client.on('error', () => {});

for (const RESP of [undefined, 2, 3]) {
  describe(`RESP ${RESP ?? 'by default'}`, () => {
    const options = { socket: { host, port, reconnectStrategy: () => 20 }, name: 'node-test', ...(RESP && { RESP }) };
    let client;

    before(async () => {
      client = await quiet(createClient(options)).connect();
    });
    beforeEach(() => client.flushAll());
    after(() => client.destroy());

    test('tells its name and library', async () => {
      assert.equal(await client.clientGetName(), 'node-test');
      const info = await client.clientInfo();
      assert.equal(info.resp, RESP ?? 3);
      if (isLarder) assert.equal(info.libName, 'node-redis');
    });

    test('strings, options and counters', async () => {
      assert.equal(await client.set('k', 'v', { expiration: { type: 'EX', value: 100 }, condition: 'NX' }), 'OK');
      assert.equal(await client.set('k', 'w', { condition: 'NX' }), null);
      assert.equal(await client.set('k', 'w', { GET: true }), 'v');
      assert.equal(await client.ttl('k'), -1);
      assert.equal(await client.expire('k', 50), 1);
      assert.ok((await client.ttl('k')) > 40);
      assert.deepEqual([await client.incr('n'), await client.incrBy('n', 41)], [1, 42]);
      await client.mSet({ a: '1', b: 'å' });
      assert.deepEqual(await client.mGet(['a', 'none', 'b']), ['1', null, 'å']);
      assert.equal(await client.getEx('a', { type: 'PX', value: 60_000 }), '1');
      assert.ok((await client.pTTL('a')) > 50_000);
      assert.equal(await client.copy('a', 'c'), 1);
      assert.equal(await client.lcs('a', 'c'), '1');
    });

    test('binary values', async () => {
      const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
      await client.set(everyByte, everyByte);
      const binary = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
      assert.deepEqual(Buffer.from(await binary.get(everyByte)), everyByte);
      const large = 'larder'.repeat(200_000);
      await client.set('large', large);
      assert.equal(await client.get('large'), large);
    });

    test('commands of one tick share a pipeline', async () => {
      const names = Array.from({ length: 1000 }, (_, n) => `tick${n}`);
      await Promise.all(names.map((name) => client.set(name, name)));
      assert.deepEqual(await Promise.all(names.map((name) => client.get(name))), names);
    });

    test('transactions and WATCH', async () => {
      assert.deepEqual(await client.multi().set('k', '1').incr('k').get('k').exec(), ['OK', 2, '2']);
      const other = await quiet(createClient(options)).connect();
      await client.watch('k');
      await other.incr('k');
      await assert.rejects(client.multi().set('k', 'lost').exec(), { name: /Error/, message: /WATCH|watched/i });
      assert.equal(await client.get('k'), '3');
      other.destroy();
    });

    test('scanIterator finds every key', async () => {
      const names = Array.from({ length: 1000 }, (_, n) => `scan:${n}`);
      await client.mSet(names.flatMap((name) => [name, '1']));
      await client.set('other', '1');
      const found = new Set();
      for await (const batch of client.scanIterator({ MATCH: 'scan:*', COUNT: 100 })) for (const name of batch) found.add(name);
      assert.deepEqual([...found].sort(), names.sort());
    });

    test('bits', async () => {
      assert.equal(await client.setBit('b', 7, 1), 0);
      assert.equal(await client.bitCount('b', { start: 0, end: 0 }), 1);
      const steps = [{ operation: 'SET', encoding: 'u8', offset: '#1', value: 255 }, { operation: 'GET', encoding: 'u4', offset: 8 }];
      assert.deepEqual(await client.bitField('b', steps), [0, 15]);
    });

    test('databases', async () => {
      const fifth = await quiet(createClient({ ...options, database: 5 })).connect();
      await fifth.set('k', 'five');
      assert.equal(await client.exists('k'), 0);
      await client.select(5);
      assert.equal(await client.get('k'), 'five');
      await client.select(0);
      fifth.destroy();
    });

    test('server commands', async () => {
      assert.equal((await client.configGet('databases')).databases, '16');
      assert.equal(await client.configSet('maxmemory-policy', 'noeviction'), 'OK');
      assert.match(await client.info('server'), /redis_version:\d/);
      assert.ok((await client.commandCount()) > 80);
      const [row] = await client.commandInfo(['get']);
      assert.deepEqual([row.name, row.arity, row.firstKeyIndex], ['get', 2, 1]);
      await client.set('k', '1');
      assert.equal(await client.objectEncoding('k'), 'int');
    });

    test('errors have the texts that programs match', async () => {
      await client.set('k', 'text');
      await assert.rejects(client.incr('k'), { message: 'ERR value is not an integer or out of range' });
      await assert.rejects(client.sendCommand(['NOSUCH']), { message: /^ERR unknown command 'NOSUCH'/ });
      await assert.rejects(client.sendCommand(['GET']), { message: "ERR wrong number of arguments for 'get' command" });
    });

    test('reconnects after its connection was killed', async () => {
      const victim = await quiet(createClient(options)).connect();
      const id = await victim.clientId();
      const ready = new Promise((resolve) => victim.once('ready', resolve));
      assert.equal(await client.clientKill({ filter: 'ID', id }), 1);
      await ready;
      assert.notEqual(await victim.clientId(), id);
      victim.destroy();
    });

    test('a pool of connections', async () => {
      const { createClientPool } = load('redis');
      const pool = await quiet(createClientPool(options, { minimum: 5, maximum: 20 })).connect();
      await Promise.all(Array.from({ length: 500 }, () => pool.incr('pooled')));
      assert.equal(await client.get('pooled'), '500');
      pool.destroy();
    });
  });
}
