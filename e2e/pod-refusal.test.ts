import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { busybox, testEngine } from '../src/host/runtime/docker/busybox.test-data.ts';
import { kubectl } from '../tools/clients.ts';
import { kubectlOf, TestCluster, until } from './cluster.ts';

// Pods that are given to a node which cannot run them: each fails with the reason that users of Kubernetes know, and
// controllers make another one.

const found = await testEngine();
const client = await kubectl('1.36');
const skip = 'missing' in found ? found.missing : 'missing' in client ? client.missing : false;
const hasProfiles = 'engine' in found && found.engine.appArmor === true;

const patienceMs = 30_000;
const node = 'node-0';
const hostPort = 21_917;
const pause = { name: 'c', image: busybox, command: ['sh', '-c', 'exec sleep 1000'] };
/** Bound by hand: no scheduler has looked whether it fits. */
const pod = (name: string, container: object = {}, spec: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: { terminationGracePeriodSeconds: 0, nodeName: node, containers: [{ ...pause, ...container }], ...spec },
});
const onPort = { ports: [{ containerPort: 80, hostPort }] };
const setting = (name: string) => ({ securityContext: { sysctls: [{ name, value: '1' }] } });

/** By what it is to show: the pod, its reason and what is told. */
const refused: readonly (readonly [object, string, RegExp])[] = [
  [
    pod('greedy', { resources: { requests: { cpu: '1000' } } }),
    'OutOfcpu',
    /^Pod was rejected: Node didn't have enough resource: cpu, requested: 1000000, used: \d+, capacity: \d+$/,
  ],
  [
    pod('large', { resources: { requests: { memory: '100Ti' } } }),
    'OutOfmemory',
    /^Pod was rejected: Node didn't have enough resource: memory, requested: 109951162777600, used: \d+, capacity: \d+$/,
  ],
  [
    pod('choosy', {}, { nodeSelector: { disk: 'golden' } }),
    'NodeAffinity',
    /^Pod was rejected: Predicate NodeAffinity failed: node\(s\) didn't match Pod's node affinity\/selector$/,
  ],
  [
    pod('foreign', {}, { os: { name: 'windows' } }),
    'PodOSNotSupported',
    /^Pod was rejected: Failed to admit pod as the OS field doesn't match node OS$/,
  ],
  [
    pod('unsafe', {}, setting('kernel.msgmax')),
    'SysctlForbidden',
    /^Pod was rejected: forbidden sysctl: "kernel.msgmax" not allowlisted$/,
  ],
];

describe('pods that a node cannot run, on a real engine', { skip }, () => {
  const program = 'path' in client ? client.path : '';
  const cluster = new TestCluster();
  const { run, does } = kubectlOf(program, cluster);
  const statusOf = async (name: string) => JSON.parse(await does(['get', 'pod', name, '-o', 'json'])).status;
  const apply = (object: object) => does(['apply', '-f', '-'], JSON.stringify(object));
  const phase = (name: string, wanted: string) =>
    until(`${name} ${wanted}`, patienceMs, async () => {
      const status = await statusOf(name);
      return status.phase === wanted ? status : Promise.reject(new Error(JSON.stringify(status)));
    });

  before(async () => {
    await cluster.start('up', ['--runtime', 'docker', '--allowed-unsafe-sysctls', 'kernel.shm*']);
    await until('namespace with its account', 20_000, async () => {
      const { code, err } = await run(['apply', '-f', '-'], JSON.stringify(pod('first', onPort)));
      return code === 0 || Promise.reject(new Error(err));
    });
    await phase('first', 'Running');
  });
  after(() => cluster.clear());

  for (const [object, reason, message] of refused) {
    const { name } = (object as { readonly metadata: { readonly name: string } }).metadata;
    test(`the pod "${name}" is refused: ${reason}`, async () => {
      await apply(object);
      const status = await phase(name, 'Failed');
      assert.deepEqual([status.reason, status.containerStatuses, status.observedGeneration], [reason, undefined, 1]);
      assert.match(status.message, message);
      assert.notEqual(status.startTime, undefined);
      const events = await does(['get', 'events', '--field-selector', `involvedObject.name=${name}`]);
      assert.match(events, new RegExp(`Warning +${reason} `));
      await does(['delete', 'pod', name, '--timeout=10s']);
    });
  }

  test('a profile of AppArmor is refused where nothing holds anybody to one', async () => {
    await apply(pod('profiled', { securityContext: { appArmorProfile: { type: 'RuntimeDefault' } } }));
    const status = await phase('profiled', hasProfiles ? 'Running' : 'Failed');
    if (hasProfiles) return;
    const message = 'Pod was rejected: Cannot enforce AppArmor: AppArmor is not enabled on the host';
    assert.deepEqual([status.reason, status.message], ['AppArmor', message]);
  });

  test('a sysctl that the node allows is set', async () => {
    await apply(
      pod(
        'allowed',
        { command: ['sh', '-c', 'cat /proc/sys/kernel/shmmni; sleep 1000'] },
        {
          securityContext: { sysctls: [{ name: 'kernel.shmmni', value: '2222' }] },
        },
      ),
    );
    await phase('allowed', 'Running');
    await until('log of allowed', patienceMs, async () => (await does(['logs', 'allowed'])).trim() === '2222');
  });

  test('a StatefulSet whose port is taken has its pod made again and again, until the port is free', async () => {
    const template = { metadata: { labels: { app: 'db' } }, spec: pod('db', onPort).spec };
    const spec = { serviceName: 'db', selector: { matchLabels: { app: 'db' } }, template };
    await apply({ apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: 'db' }, spec });
    const seen = new Set<string>();
    await until('pod db-0 made again', patienceMs, async () => {
      const { out } = await run(['get', 'pod', 'db-0', '-o', 'jsonpath={.metadata.uid}']);
      return out !== '' && seen.add(out).size > 2;
    });
    const events = await does(['get', 'events', '--field-selector', 'involvedObject.name=db-0']);
    assert.match(events, /NodePorts +pod\/db-0 +Predicate NodePorts failed: node\(s\) didn't have free ports/);
    assert.equal((await statusOf('first')).phase, 'Running');
    await does(['delete', 'pod', 'first', '--timeout=20s']);
    await does(['wait', '--for=jsonpath={.status.readyReplicas}=1', 'statefulset/db', '--timeout=30s']);
  });

  test('a node whose taint drives pods away takes none that does not bear it', async () => {
    await does(['taint', 'node', node, 'gone=yes:NoExecute']);
    // The controller of taints may be quicker than one can look: the event stays.
    await apply(pod('late'));
    await until('event of late', patienceMs, async () => {
      const events = await does(['get', 'events', '--field-selector', 'involvedObject.name=late']);
      return /TaintToleration .*Predicate TaintToleration failed: node\(s\) had taints that the pod didn't/.test(
        events,
      );
    });
    await does(['taint', 'node', node, 'gone-']);
  });
});
