import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { kubectl } from '../tools/clients.ts';
import { kubectlOf, TestCluster, until } from './cluster.ts';

// A node that is told that all the memory there is would be too little: it bears that for as long as it is told to.

const client = await kubectl('1.36');
const skip =
  'missing' in client ? client.missing : process.platform === 'linux' ? false : 'only Linux tells what is left';

const patienceMs = 30_000;
const pressed = (patience: string) => [
  '--eviction-hard',
  '',
  '--eviction-soft',
  'memory.available<1000Ti',
  '--eviction-soft-grace-period',
  `memory.available=${patience}`,
  '--eviction-max-pod-grace-period',
  '1',
];
const pod = (name: string, requests: object) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: {
    nodeName: 'node-0',
    containers: [{ name: 'c', image: 'host', command: ['sleep', '1000'], resources: { requests } }],
  },
});

describe('a node that runs short', { skip }, () => {
  const program = 'path' in client ? client.path : '';
  const cluster = new TestCluster();
  const { run } = kubectlOf(program, cluster);
  const get = async (name: string, path: string) => {
    const { out } = await run(['get', ...name.split(' '), '-o', `jsonpath={${path}}`]);
    return out;
  };
  const shows = (name: string, path: string, wanted: RegExp) =>
    until(`${path} of ${name} like ${wanted}`, patienceMs, async () => {
      const seen = await get(name, path);
      return wanted.test(seen) || Promise.reject(new Error(seen));
    });

  before(async () => {
    await cluster.start('up', pressed('1h'));
    await shows('node node-0', '.status.conditions[?(@.type=="MemoryPressure")].status', /^True$/);
    await until('namespace with its account', patienceMs, async () => {
      const items = [pod('promised', { memory: '1Mi' }), pod('modest', {})];
      const { code, err } = await run(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
      return code === 0 || Promise.reject(new Error(err));
    });
  });
  after(() => cluster.clear());

  test('a node that bears its shortage takes no pod to which nothing was promised, and keeps the others', async () => {
    await shows('pod modest', '.status.reason', /^Evicted$/);
    const message = 'Pod was rejected: The node had condition: [MemoryPressure]. ';
    assert.equal(await get('pod modest', '.status.message'), message);
    await shows('pod promised', '.status.phase', /^Running$/);
  });

  test('a node that bears it no longer sends its pods away, and says how short it was', async () => {
    assert.equal(await cluster.end(), 0, cluster.log);
    await cluster.start('up', pressed('2s'));
    await shows('pod promised', '.status.reason', /^Evicted$/);
    const message = await get('pod promised', '.status.message');
    assert.match(message, /^The node was low on resource: memory. Threshold quantity: 1000Ti, available: \d+/);
    const disruption = '.status.conditions[?(@.type=="DisruptionTarget")].reason';
    assert.equal(await get('pod promised', disruption), 'TerminationByKubelet');
  });

  test('what is wrong with a threshold is said of its flag', async () => {
    await cluster.end();
    const wrong = cluster.start('up', ['--eviction-soft', 'memory.available<1Gi']);
    await assert.rejects(wrong, (error: Error) => {
      const words = `${error.message} ${error.cause}`;
      return /--eviction-soft-grace-period: grace period must be specified for the soft eviction threshold/.test(words);
    });
  });
});
