import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, describe, test } from 'node:test';
import { kubectl } from '../tools/clients.ts';
import { kubectlOf, programOf, root, TestCluster, until } from './cluster.ts';

const set = `
apiVersion: apps/v1
kind: StatefulSet
metadata: { name: db }
spec:
  replicas: 2
  serviceName: db
  selector: { matchLabels: { app: db } }
  template:
    metadata: { labels: { app: db } }
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - { name: main, image: host, command: [node, -e, 'setInterval(() => {}, 1000)'] }
`;

// A cluster of many processes: what becomes of it when some of them die.
const client = await kubectl('1.36');
const skip = 'missing' in client ? client.missing : process.platform !== 'linux' && 'needs /proc';
describe('a cluster of many processes', { skip }, () => {
  const program = 'path' in client ? client.path : '';
  const cluster = new TestCluster();
  const children = new Map<string, ChildProcess>();
  after(async () => {
    for (const child of children.values()) child.kill('SIGKILL');
    await cluster.clear();
  });
  const start = async (name: string, command: string, ...more: readonly string[]): Promise<void> => {
    const words = [join(root, 'src', 'main', 'mini-k8s.ts'), command, '--kubeconfig', cluster.kubeconfig, ...more];
    const child = spawn(process.execPath, words, { cwd: root, stdio: ['ignore', 'pipe', 'ignore'] });
    children.set(name, child);
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    assert.match(String((await lines.next()).value), /"ready":true/);
  };
  const startAgent = (name: string, third: number) => {
    const range = cluster.podRange.replace(/0\.0\/16$/, `${third}.0/24`);
    const ranges = ['--pod-range', range, '--cluster-pod-range', cluster.podRange];
    return start(name, 'agent', '--node', name, '--data-dir', cluster.folder, '--runtime', 'process', ...ranges);
  };
  const kubectl = kubectlOf(program, cluster);
  const does = (...words: readonly string[]) => kubectl.does(words);
  const holder = () =>
    does('get', 'lease', 'kube-controller-manager', '-n', 'kube-system', '-o', 'jsonpath={.spec.holderIdentity}');

  const nodeOf = () => does('get', 'pod', 'db-0', '-o', 'jsonpath={.spec.nodeName}');
  const runsElsewhere = async (before: string) => {
    let most = 0;
    await until('pod on the other node', 30_000, async () => {
      most = Math.max(most, programOf('db-0', 'setInterval').length);
      return (await nodeOf().catch(() => before)) !== before && programOf('db-0', 'setInterval').length === 1;
    });
    assert.ok(most <= 1, 'two of one name ran at the same time');
  };

  test('only one of two processes of controllers acts, and the other takes over when it dies', async () => {
    await cluster.start('server');
    await start('first', 'controllers');
    const first = await until('leader', 10_000, holder);
    await start('second', 'controllers');
    await start('scheduler', 'scheduler');
    await startAgent('node-a', 1);
    await startAgent('node-b', 2);
    await does(
      'create',
      'deployment',
      'web',
      '--image=host',
      '--replicas=2',
      '--',
      'node',
      '-e',
      'setInterval(() => {}, 1000)',
    );
    await does('rollout', 'status', 'deployment/web', '--timeout=30s');
    assert.equal(await holder(), first);
    children.get('first')?.kill('SIGKILL');
    await does('scale', 'deployment', 'web', '--replicas=3');
    await until('other leader', 15_000, async () => (await holder()) !== first);
    await until(
      'third pod',
      10_000,
      async () => (await does('get', 'pods', '-l', 'app=web', '-o', 'name')).split('\n').length === 4,
    );
    await does('rollout', 'status', 'deployment/web', '--timeout=30s');
    assert.equal((await does('get', 'pods', '-l', 'app=web', '-o', 'name')).trim().split('\n').length, 3);
  });

  test('a stateful pod whose agent died ends by itself, and only then runs elsewhere', async () => {
    await kubectl.does(['apply', '-f', '-'], set);
    await does('rollout', 'status', 'statefulset/db', '--timeout=30s');
    const before = await nodeOf();
    assert.equal(programOf('db-0', 'setInterval').length, 1);
    children.get(before)?.kill('SIGKILL');
    await runsElsewhere(before);
    await startAgent(before, before === 'node-a' ? 1 : 2);
  });

  test('so it is when the server died with the agent and starts again without ever having heard of it', async () => {
    await does('rollout', 'status', 'statefulset/db', '--timeout=30s');
    const before = await nodeOf();
    await cluster.end('SIGKILL');
    children.get(before)?.kill('SIGKILL');
    await cluster.start('server', ['--listen', new URL(cluster.url).host]);
    await runsElsewhere(before);
  });
});
