import assert from 'node:assert/strict';
import { globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { sandboxOf } from '../../../agent/runtime.test-data.ts';
import type { ContainerSpec, Resources } from '../../../agent/runtime.ts';
import { hostEnv } from '../../env.ts';
import { NamedAddresses } from './addresses.ts';
import { ProcessLimits } from './limits.ts';
import { ProcessRuntime } from './process-runtime.ts';

const skip = new ProcessLimits('/nowhere').enforced ? false : 'only root on Linux may use control groups';
const mebi = 2 ** 20;

const spec = (name: string, script: string, resources: Resources): ContainerSpec => ({
  id: `pod_${name}_0`,
  sandbox: 'pod',
  name,
  attempt: 0,
  image: 'host',
  command: [process.execPath, '-e', script],
  args: [],
  env: [],
  mounts: [],
  resources,
  security: {},
  tty: false,
  stdin: false,
});
const spin = 'for (;;) {}';
const hoard = 'const all = []; setInterval(() => all.push(Buffer.alloc(8 * 1024 * 1024, 1)), 5)';

test('a process pod is held to its memory and its share of a processor, and leaves no group behind', {
  skip,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'limits-'));
  const addresses = new NamedAddresses({ file: join(folder, 'addresses.json'), cidr: '10.244.0.0/24' });
  const runtime = new ProcessRuntime(hostEnv(), { root: join(folder, 'pods'), addresses });
  const before = groups();
  try {
    await runtime.openSandbox(sandboxOf('pod'), []);
    const both = [spec('hoard', hoard, { memoryBytes: 64 * mebi }), spec('spin', spin, { cpuMillis: 200 })];
    for (const one of both) {
      await runtime.create(one);
      await runtime.start(one.id);
    }
    const stateOf = async (id: string) => (await runtime.list()).containers.find((one) => one.id === id);
    for (let tries = 0; (await stateOf('pod_hoard_0'))?.state !== 'exited' && tries < 500; tries++) await sleep(20);
    const over = await stateOf('pod_hoard_0');
    assert.deepEqual([over?.exitCode, over?.reason], [137, 'OOMKilled']);
    const used = async () => (await runtime.usage()).find(({ id }) => id === 'pod_spin_0')?.cpuNanosTotal ?? 0;
    const [began, first] = [performance.now(), await used()];
    await sleep(1_500);
    const share = ((await used()) - first) / 1e6 / (performance.now() - began);
    assert.ok(share < 0.3, `it used ${share.toFixed(2)} of a processor, and may use 0.2`);
    assert.equal((await stateOf('pod_spin_0'))?.applied?.cpuQuotaMicros, 20_000);
    await runtime.update('pod_spin_0', { cpuMillis: 300 });
    assert.equal((await stateOf('pod_spin_0'))?.applied?.cpuQuotaMicros, 30_000);
  } finally {
    await runtime.closeSandbox('pod');
    runtime.leave();
    rmSync(folder, { recursive: true, force: true });
  }
  assert.deepEqual(groups(), before);
});

/** Of other nodes of this machine too, which stay as they are. */
const groups = (): readonly string[] => globSync('/sys/fs/cgroup/{,*/}mini-k8s-*/pod_*').sort();
