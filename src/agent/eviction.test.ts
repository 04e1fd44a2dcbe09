import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '../api/kinds/pod.ts';
import { binaryText, chosen, type PodUse } from './eviction.ts';
import { measuredVolumes, overLimit } from './local-storage.ts';

const mebi = 2 ** 20;
const pod = (name: string, memory: string | undefined, more: object = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default', uid: name, resourceVersion: '1', creationTimestamp: '' },
  spec: { containers: [{ name: 'c', ...(memory ? { resources: { requests: { memory } } } : {}) }], ...more },
});
const uses = (bytes: number): PodUse => ({
  memoryBytes: bytes,
  diskBytes: bytes,
  processes: 1,
  containers: new Map([['c', bytes]]),
});
const short = { signal: 'memory.available', limit: 100 * mebi, available: 52 * mebi, isSoft: false } as const;

test('Whoever uses more than it asked for goes first, then the least important, then the largest', () => {
  const use = new Map([
    ['modest', uses(50 * mebi)],
    ['large', uses(80 * mebi)],
    ['larger', uses(90 * mebi)],
    ['dear', uses(500 * mebi)],
  ]);
  const all = [
    pod('modest', '64Mi', { priority: -10 }),
    pod('large', '10Mi'),
    pod('larger', '10Mi'),
    pod('dear', '10Mi', { priority: 10 }),
  ];
  const pick = (pods: readonly Pod[]) =>
    chosen(short, pods, ({ metadata }) => use.get(metadata.uid))?.pod.metadata.name;
  const picked: (string | undefined)[] = [];
  for (let left = all; left.length > 0; left = left.filter(({ metadata }) => metadata.name !== picked.at(-1))) {
    picked.push(pick(left));
  }
  assert.deepEqual(picked, ['larger', 'large', 'dear', 'modest']);
});

test('Pods of the system and of the node itself stay, and so does who is not known to use anything', () => {
  const system = pod('system', undefined, { priority: 2_000_001_000 });
  const file = pod('file', undefined);
  const metadata = { ...file.metadata, annotations: { 'kubernetes.io/config.source': 'file' } };
  assert.equal(
    chosen(short, [system, { ...file, metadata }], () => uses(9 * mebi)),
    undefined,
  );
  assert.equal(
    chosen(short, [pod('new', undefined)], () => undefined),
    undefined,
  );
});

test('The message says what was short, and who used more than it asked for', () => {
  const choice = chosen(short, [pod('web', '10Mi')], () => uses(20 * mebi));
  const about = 'The node was low on resource: memory. Threshold quantity: 100Mi, available: 52Mi. ';
  const who = 'Container c was using 20Mi, request is 10Mi, has larger consumption of memory. ';
  assert.equal(choice?.message, about + who);
  assert.deepEqual([binaryText(0), binaryText(1025), binaryText(3 * 2 ** 30)], ['0', '1025', '3Gi']);
});

test('A pod that fills its volume beyond what it said has to go', () => {
  const limited = pod('full', undefined, { volumes: [{ name: 'scratch', emptyDir: { sizeLimit: '1Mi' } }] });
  assert.deepEqual(measuredVolumes(limited), ['scratch']);
  assert.equal(overLimit(limited, new Map([['scratch', mebi]])), undefined);
  const message = 'Usage of EmptyDir volume "scratch" exceeds the limit "1Mi". ';
  assert.equal(overLimit(limited, new Map([['scratch', mebi + 1]])), message);
  const resources = { limits: { 'ephemeral-storage': '2Mi' } };
  const capped = pod('capped', undefined, {
    containers: [{ name: 'c', resources }],
    volumes: [{ name: 'v', emptyDir: {} }],
  });
  const total = 'Pod ephemeral local storage usage exceeds the total limit of containers 2Mi. ';
  assert.equal(overLimit(capped, new Map([['v', 3 * mebi]])), total);
});
