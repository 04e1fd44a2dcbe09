import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { miniK8s, outputOf, processesWith, programOf, root, TestCluster, until } from './cluster.ts';

const manifest = readFileSync(join(root, 'examples', 'hello', 'hello.yaml'), 'utf8')
  .replace(/\n +nodePort: \d+/, '')
  .replace('type: NodePort', 'type: ClusterIP');

describe('restart', { skip: process.platform !== 'linux' && 'needs /proc' }, () => {
  for (const split of [false, true]) {
    const mode = split ? 'split into processes' : 'in one process';
    const flags = split ? ['--split'] : [];

    test(`after SIGKILL a cluster ${mode} has the same state and adopts the same processes, once`, async () => {
      const cluster = new TestCluster();
      after(() => cluster.clear());
      const does = (words: readonly string[], input?: string) =>
        outputOf(words, miniK8s([...words, '--kubeconfig', cluster.kubeconfig], input));
      const pods = async (): Promise<readonly Pod[]> => JSON.parse(await does(['get', 'pods', '-o', 'json'])).items;
      const programs = (list: readonly Pod[]) => list.flatMap(({ metadata }) => programOf(metadata.name)).sort();
      await cluster.start('up', flags);
      await does(['apply', '-f', '-'], manifest);
      const before = await until('two ready pods', 30_000, async () => {
        const list = await pods();
        return list.length === 2 && list.every(isReady) && list;
      });
      const running = programs(before);
      assert.equal(running.length, 2);

      const helpers = processesWith(cluster.folder).filter(({ words }) => words.includes('mini-k8s.ts'));
      await cluster.end('SIGKILL');
      for (const { pid } of helpers) {
        // The parts of --split are children: everything dies at once. Shims are not killed, they keep the pods.
        if (pid !== cluster.pid) endNow(pid);
      }
      assert.deepEqual(programs(before), running, 'the pods run on without a cluster');

      await cluster.start('up', flags);
      const again = await until('two ready pods after the restart', 30_000, async () => {
        const list = await pods();
        return list.length === 2 && list.every(isReady) && list;
      });
      // A change that has to pass through every part: when it has, whoever wanted to act twice had the chance to.
      await does(['scale', 'deployment/hello', '--replicas', '3']);
      const scaled = await until('third ready pod', 30_000, async () => {
        const list = await pods();
        return list.length === 3 && list.every(isReady) && list;
      });
      const identity = ({ metadata, status }: Pod) => `${metadata.name} ${metadata.uid} ${status.podIP}`;
      assert.deepEqual(again.map(identity), before.map(identity));
      assert.deepEqual(programs(again), running);
      assert.equal(programs(scaled).length, 3);
      for (const { status } of scaled) assert.equal(status.containerStatuses?.[0]?.restartCount, 0);
      assert.equal(await cluster.end(), 0, cluster.log);
      assert.deepEqual(await cluster.remains(), []);
    });
  }
});

interface Pod {
  readonly metadata: { readonly name: string; readonly uid: string };
  readonly status: {
    readonly podIP?: string;
    readonly containerStatuses?: readonly { readonly ready: boolean; readonly restartCount: number }[];
  };
}

const isReady = ({ status }: Pod): boolean => status.containerStatuses?.[0]?.ready === true;

function endNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It had ended already.
  }
}
