import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import type { Route } from '../../../network/dataplane.ts';
import { hostEnv } from '../../env.ts';
import { nft, transact } from './nft.ts';
import { hasNftables, NftablesDataplane, tableName } from './nftables.ts';

const env = { ...hostEnv({ seed: 'nftables' }), log: { debug() {}, info() {}, error() {} } };
const skip = (await hasNftables()) ? false : 'needs root on Linux, and the tool nft';
const web: Route = {
  namespace: 'default',
  name: 'web',
  portName: '',
  scope: 'cluster',
  vip: '198.51.100.90',
  port: 80,
  protocol: 'TCP',
  backends: [{ ip: '198.51.100.91', port: 8080 }],
};
const cluster = (name: string) => `${name} ${process.pid}`;
const plane = (name: string) =>
  new NftablesDataplane({ env, cluster: cluster(name), podRange: '198.51.100.96/28', bridged: true });
const shown = (name: string) => nft(['list', 'table', 'inet', tableName(cluster(name))]);

test('NftablesDataplane has one table, which goes with it, and leaves those of others alone', { skip }, async () => {
  const other = `somebody-else-${process.pid}`;
  await transact(`add table inet ${other}\nadd chain inet ${other} theirs\n`);
  try {
    const before = await nft(['list', 'table', 'inet', other]);
    const made = plane('one');
    await made.replace([web]);
    assert.match(await shown('one'), /198\.51\.100\.90 \. tcp \. 80 : goto/);
    assert.equal(await nft(['list', 'table', 'inet', other]), before);
    await made.close();
    await assert.rejects(shown('one'), /No such file/);
    assert.equal(await nft(['list', 'table', 'inet', other]), before);
  } finally {
    await transact(`delete table inet ${other}\n`);
  }
});

test('NftablesDataplane takes over the table of a cluster that was killed', { skip }, async () => {
  const killed = plane('killed');
  await killed.replace([web]);
  const next = plane('killed');
  await next.replace([]);
  assert.doesNotMatch(await shown('killed'), /198\.51\.100\.90/);
  // Both look after the table until they are closed.
  await killed.close();
  await next.close();
});

test('NftablesDataplane takes tables of killed clusters away, and leaves those of living ones', { skip }, async () => {
  const dead = execFileSync('sh', ['-c', 'echo $$'], { encoding: 'utf8' }).trim();
  const [orphan, silent] = [`mini-k8s-orphan-${process.pid}`, `mini-k8s-silent-${process.pid}`];
  const owned = (pid: string) => `set inet ${orphan} owner { type mark; elements = { ${pid} }; }`;
  await transact(`add table inet ${orphan}\nadd ${owned(dead)}\nadd table inet ${silent}\n`);
  const living = plane('living');
  await living.replace([web]);
  const made = plane('next');
  await made.replace([]);
  const tables = await nft(['list', 'tables']);
  assert.ok(!tables.includes(orphan));
  assert.ok(tables.includes(silent), 'who does not say whose it is');
  assert.ok(tables.includes(tableName(cluster('living'))));
  await transact(`delete table inet ${silent}\n`);
  await living.close();
  await made.close();
});

test('NftablesDataplane fails where its table was taken away, and makes it whole the next time', { skip }, async () => {
  const made = plane('lost');
  await made.replace([web]);
  await transact(`delete table inet ${tableName(cluster('lost'))}\n`);
  const more = { ...web, name: 'more', vip: '198.51.100.92' };
  await assert.rejects(made.replace([web, more]), /No such file/);
  await made.replace([web, more]);
  assert.match(await shown('lost'), /198\.51\.100\.90 [^}]*198\.51\.100\.92/s);
  await made.close();
});
