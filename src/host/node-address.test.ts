import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { test } from 'node:test';
import { machineAddress } from './node-address.ts';

test('machineAddress is an address of this machine that is not its own business, if it has one', async () => {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const outside = all.filter(({ family, internal }) => family === 'IPv4' && !internal).map(({ address }) => address);
  assert.ok((outside.length > 0 ? outside : ['127.0.0.1']).includes(await machineAddress()));
});
