import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pods } from '../api/kinds/pod.ts';
import { statefulSets } from '../api/kinds/stateful-set.ts';
import { seeded } from '../base/random.ts';
import { act } from '../client/action.ts';
import { timings } from '../controllers/timing.ts';
import { SimCluster } from './cluster.ts';
import { checkConverged } from './converged.ts';
import { Faults } from './faults.ts';
import type { SimRuntime } from './runtime.ts';
import { deploymentOf } from './workload.ts';

const drain = () => new Promise<void>((resolve) => process.nextTick(resolve));
const nodes = 4;

/** Three stateful pods under a fault a minute: agents die, nodes are cut off, watches stand still. */
async function play(seed: string, minutes: number, engine?: (runtime: SimRuntime) => SimRuntime): Promise<SimCluster> {
  const cluster = new SimCluster({
    seed,
    drain,
    nodes,
    timing: timings.quick,
    net: { delayMinMs: 1, delayMaxMs: 20, lossRatio: 0.001, cutRatio: 0.001 },
    runtime: { startDelayMs: 500 },
    ...(engine ? { parts: { engine } } : {}),
  });
  const faults = new Faults(cluster, seeded(`${seed}/faults`), nodes);
  await cluster.start();
  await cluster.run(10_000);
  const { selector, template } = deploymentOf({ name: 'db', replicas: 3 }).spec;
  const spec = { serviceName: 'db', replicas: 3, selector, template };
  const object = { metadata: { name: 'db', namespace: 'default' }, spec };
  await cluster.until(
    cluster.admin.send(act({ verb: 'create', kind: statefulSets as never, object: object as never })),
  );
  for (let minute = 0; minute < minutes; minute++) {
    await faults.step();
    // Every moment counts: two of one name may run for a second only.
    for (let second = 0; second < 60; second++) await cluster.run(1_000);
  }
  faults.stop();
  return cluster;
}

for (const seed of ['one', 'three']) {
  test(`no two pods of one name ever run, and all run in the end: ${seed}`, async () => {
    const cluster = await play(seed, 4);
    cluster.net.options = { ...cluster.net.options, lossRatio: 0, cutRatio: 0 };
    await cluster.run(300_000);
    await checkConverged(cluster);
  });
}

test('the checker sees two of one name where an engine only says that it counts down', async () => {
  const forgetful = (runtime: SimRuntime): SimRuntime =>
    new Proxy(runtime, {
      get: (target, property) => {
        if (property === 'holdFor') return async () => {};
        const member = Reflect.get(target, property, target) as unknown;
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
  const cluster = await play('forgetful', 0, forgetful);
  await cluster.run(30_000);
  const pod = await cluster.admin.get(pods, { namespace: 'default', name: 'db-0' });
  cluster.crash(pod.spec.nodeName ?? '');
  await assert.rejects(cluster.run(60_000), /identity: default\/db-\d runs twice/);
});
