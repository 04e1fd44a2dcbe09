import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '../api/kinds/pod.ts';
import type { Clock } from '../base/env.ts';
import type { Runtime } from './runtime.ts';
import { endInOrder } from './shutdown.ts';

const pod = (name: string, spec: object): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default', uid: name, resourceVersion: '1', creationTimestamp: '' },
  spec: { containers: [{ name: 'c' }], ...spec },
});

test('A node that goes ends ordinary pods first, hooks before signals, and sidecars after what they serve', async () => {
  const said: string[] = [];
  const sidecar = (name: string) => ({ name, restartPolicy: 'Always' });
  const lifecycle = { preStop: { exec: { command: ['say', 'goodbye'] } } };
  const pods = [
    pod('system', { priority: 2_000_001_000 }),
    pod('web', { initContainers: [sidecar('s1'), sidecar('s2')], containers: [{ name: 'c', lifecycle }] }),
    pod('short', { terminationGracePeriodSeconds: 1 }),
  ];
  const ids = ['system_c_0', 'web_s1_0', 'web_s2_0', 'web_c_0', 'short_c_3'];
  const containers = ids.map((id) => ({ id, sandbox: id.split('_')[0], attempt: 0, state: 'running' }));
  const runtime = {
    list: async () => ({ sandboxes: [], containers }),
    stop: async (id: string, grace: number) => void said.push(`stop ${id} ${grace}`),
    exec: async function* (id: string, command: readonly string[]) {
      said.push(`${command.join(' ')} in ${id}`);
      yield { exitCode: 0 };
    },
  };
  const clock = { monotonic: () => 0, after: () => () => {} } as unknown as Clock;
  await endInOrder({ clock, runtime: runtime as unknown as Runtime, pods, graceMs: 5_000 });
  assert.deepEqual(said.slice(0, 2).sort(), ['say goodbye in web_c_0', 'stop short_c_3 1000']);
  assert.deepEqual(said.slice(2), [
    'stop web_c_0 5000',
    'stop web_s2_0 5000',
    'stop web_s1_0 5000',
    'stop system_c_0 5000',
  ]);
});
