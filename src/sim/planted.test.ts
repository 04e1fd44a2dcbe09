import assert from 'node:assert/strict';
import { test } from 'node:test';
import { forgetfulScheduler } from '../../seeds/planted/forgetful-scheduler.ts';
import { impatientReplicaSet } from '../../seeds/planted/impatient-replica-set.ts';
import { orphaningAgent } from '../../seeds/planted/orphaning-agent.ts';
import { deployments } from '../api/kinds/deployment.ts';
import { act } from '../client/action.ts';
import { Violation } from './checker.ts';
import { type PartChoice, SimCluster } from './cluster.ts';
import { deploymentOf } from './workload.ts';

const drain = () => new Promise<void>((resolve) => process.nextTick(resolve));
const slow = { delayMinMs: 5, delayMaxMs: 40 };

/** A deployment that is scaled up, a node whose agent restarts: harmless, where nothing is planted. */
async function live(parts: Partial<PartChoice>): Promise<void> {
  const cluster = new SimCluster({ seed: 'planted', drain, nodes: 2, net: slow, parts });
  await cluster.start();
  await cluster.run(10_000);
  const object = deploymentOf({ name: 'web', replicas: 2, cpuMillis: 900 });
  await cluster.admin.send(act({ verb: 'create', kind: deployments, object }));
  await cluster.run(20_000);
  const key = { namespace: 'default', name: 'web' };
  await cluster.admin.send(act({ verb: 'patch', kind: deployments, key, patch: { spec: { replicas: 10 } } }));
  // The first of the new pods are seen, the others not for a while.
  await cluster.run(150);
  cluster.net.holdWatches('controllers');
  await cluster.run(2_000);
  cluster.net.releaseWatches('controllers');
  await cluster.run(20_000);
  await cluster.admin.send(act({ verb: 'delete', kind: deployments, key, propagation: 'Orphan' }));
  await cluster.run(10_000);
  cluster.restart('node-0');
  await cluster.run(60_000);
}

const caughtBy = (checker: string) => (error: unknown) => {
  assert.ok(error instanceof Violation, String(error));
  assert.equal(error.checker, checker);
  return true;
};

test('no checker complains where nothing is planted', () => live({}));

test('a replica set controller that ignores its own writes is caught making too many pods', () =>
  assert.rejects(live(impatientReplicaSet), caughtBy('replicas')));

test('a scheduler that forgets what it has just placed is caught filling a node twice', () =>
  assert.rejects(live(forgetfulScheduler), caughtBy('placement')));

test('an agent that does not adopt is caught running a container twice', () =>
  assert.rejects(live(orphaningAgent), caughtBy('containers')));
