import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { NamedAddresses, RealAddresses } from './addresses.ts';
import { temporaryFolder } from './temporary-folder.test-data.ts';

const file = () => join(temporaryFolder('addresses'), 'addresses.json');

test('named addresses and their local ports are the same after a restart', async () => {
  const options = { file: file(), cidr: '10.244.3.0/24' };
  const first = new NamedAddresses(options);
  const ip = await first.allocate('a', [8080]);
  const other = await first.allocate('b', [8080]);
  assert.equal(ip, '10.244.3.2');
  assert.equal(other, '10.244.3.3');
  assert.notEqual(first.portFor(ip, 8080), first.portFor(other, 8080));
  const next = new NamedAddresses(options);
  assert.equal(await next.allocate('a', [8080]), ip);
  assert.equal(next.portFor(ip, 8080), first.portFor(ip, 8080));
  assert.equal(next.portFor(ip, 9090), 9090);
  assert.deepEqual(next.holders(), ['a', 'b']);
});

test('a local port that somebody listens on is not given away', async () => {
  const options = { file: file(), cidr: '10.244.3.0/24' };
  const probe = new NamedAddresses(options);
  const next = probe.portFor(await probe.allocate('a', [1]), 1) + 1;
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(next, '127.0.0.1', resolve));
  assert.notEqual(probe.portFor(await probe.allocate('b', [1]), 1), next);
  await new Promise((resolve) => server.close(resolve));
});

test('a released address is not given again at once, and a full range says so', async () => {
  const addresses = new NamedAddresses({ file: file(), cidr: '10.0.0.0/29' });
  const first = await addresses.allocate('a');
  await addresses.release('a');
  assert.notEqual(await addresses.allocate('b'), first);
  for (const id of ['c', 'd', 'e', 'f']) await addresses.allocate(id);
  await assert.rejects(addresses.allocate('g'), /all 5 pod addresses/);
});

test('real addresses are put on the loopback device and taken off, and what is done already is fine', async () => {
  const done: string[] = [];
  const refuse: { with?: string } = {};
  const addresses = new RealAddresses({ file: file(), cidr: '10.244.9.0/24' }, async (args) => {
    done.push(args.join(' '));
    if (refuse.with !== undefined) throw new Error(refuse.with);
  });
  await addresses.allocate('a');
  refuse.with = 'RTNETLINK answers: File exists';
  assert.equal(await addresses.allocate('a'), '10.244.9.2');
  refuse.with = 'RTNETLINK answers: Cannot assign requested address';
  await addresses.release('a');
  await addresses.release('a');
  assert.deepEqual(done, [
    'addr add 10.244.9.2/32 dev lo',
    'addr add 10.244.9.2/32 dev lo',
    'addr del 10.244.9.2/32 dev lo',
  ]);
  refuse.with = 'RTNETLINK answers: Operation not permitted';
  await assert.rejects(addresses.allocate('b'), /add address 10.244.9.3/);
});

test('an address that another cluster has on this machine is passed over', async () => {
  const taken = new Set(['10.244.9.2/32', '10.244.9.3/32']);
  const addresses = new RealAddresses({ file: file(), cidr: '10.244.9.0/29' }, async ([, verb, address = '']) => {
    if (verb === 'add' && taken.has(address)) throw new Error('RTNETLINK answers: File exists');
    taken.add(address);
  });
  assert.equal(await addresses.allocate('a'), '10.244.9.4');
  for (const id of ['b', 'c']) await addresses.allocate(id);
  await assert.rejects(addresses.allocate('d'), /all 5 pod addresses of this node are on this machine already/);
  assert.deepEqual(addresses.holders(), ['a', 'b', 'c']);
});

test('a real address can be listened on', async (context) => {
  const addresses = new RealAddresses({ file: file(), cidr: '10.244.250.0/24' });
  let ip: string;
  try {
    ip = await addresses.allocate('a');
  } catch (cause) {
    return context.skip(`this machine lets us add no address: ${String(cause)}`);
  }
  try {
    assert.ok(Object.values(networkInterfaces()).some((all) => all?.some((one) => one.address === ip)));
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(8080, ip, resolve));
    await new Promise((resolve) => server.close(resolve));
  } finally {
    await addresses.release('a');
  }
});
