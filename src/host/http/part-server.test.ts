import assert from 'node:assert/strict';
import { test } from 'node:test';
import { servePart } from './part-server.ts';

test('servePart shows figures and health, and refuses what is neither', async () => {
  let asked = 0;
  const { port } = await servePart({ host: '127.0.0.1', port: 0 }, () => `asked_total ${++asked}\n`);
  const at = (path: string, method = 'GET') => fetch(`http://127.0.0.1:${port}${path}`, { method });
  assert.equal(await (await at('/metrics')).text(), 'asked_total 1\n');
  assert.equal(await (await at('/metrics?x=1')).text(), 'asked_total 2\n');
  assert.equal(await (await at('/readyz')).text(), 'ok');
  assert.equal((await at('/other')).status, 404);
  assert.equal((await at('/metrics', 'POST')).status, 405);
});

test('servePart is for this machine alone', async () => {
  await assert.rejects(
    servePart({ host: '0.0.0.0', port: 0 }, () => ''),
    /loopback/,
  );
});
