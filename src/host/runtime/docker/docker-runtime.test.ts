import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { runtimeConformance } from '../../../agent/runtime.conformance.ts';
import type { ContainerSpec, Runtime, SandboxSpec } from '../../../agent/runtime.ts';
import { hostEnv } from '../../env.ts';
import { busybox, testEngine } from './busybox.test-data.ts';
import { DockerRuntime } from './docker-runtime.ts';
import type { Engine } from './engine.ts';

const podRange = '10.243.0.0/24';
const shell = (script: string) => ({ image: busybox, command: ['sh', '-c', script] });
/** The first process of a container is only asked to end where it listens for that. */
const polite = 'trap "exit 143" TERM; while true; do sleep 0.02; done';
const dns = { servers: ['192.0.2.53'], searches: [], options: [] };
const found = await testEngine();

if ('missing' in found) test('docker runtime', { skip: found.missing }, () => {});
else {
  const { engine } = found;
  suite('docker', engine, (runtime) => runtime);
  suite('docker, pods of one container', engine, (runtime) => changed(runtime, { plan: [{}] }));
  const canLink = engine.slowLinks && engine.reachable && process.getuid?.() === 0;
  if (canLink) suite('docker, links of our own', engine, (runtime) => changed(runtime, { dns }));
  else test('docker, links of our own', { skip: 'they are made by root, for an engine before 28 of this machine' });
}

function suite(name: string, engine: Engine, change: (runtime: DockerRuntime) => Runtime): void {
  runtimeConformance(
    name,
    async () => {
      const owner = { cluster: `test${process.pid}x${Date.now()}`, node: 'node-0' };
      const folder = mkdtempSync(join(tmpdir(), 'mini-k8s-docker-'));
      const ranges = { podRange, nodeRange: podRange, reserved: 2, hostIp: '127.0.0.1' };
      const options = { engine, owner, ...ranges, folder, holdFile: join(folder, 'holds.json') };
      const runtime = new DockerRuntime(hostEnv(), options);
      return {
        runtime: change(runtime),
        wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
        dispose: async () => {
          for (const { id } of (await runtime.list()).sandboxes) await runtime.closeSandbox(id);
          await runtime.tidy();
          runtime.leave();
          rmSync(folder, { recursive: true });
        },
      };
    },
    {
      forever: shell(polite),
      succeeds: shell('exit 0'),
      fails: shell('exit 3'),
      says: shell('printf "one\\ntwo\\n"; sleep 0.01; printf "three\\n"'),
      stubborn: shell('trap "" TERM; echo ready; while true; do sleep 0.05; done'),
      serves: shell(
        'set -- $(busybox ip -4 -o addr show dev eth0); echo ready; ' +
          'while true; do echo -n "${4%%/*}" | nc -l -p 8080; done',
      ),
      missing: { image: busybox, command: ['no-such-command-anywhere'] },
      hears: shell('while read line; do echo "heard $line"; done'),
      exec: { hello: ['echo', 'hello'], fails: ['sh', '-c', 'exit 3'] },
      invalidImage: 'Not An Image',
    },
  );
}

/** Every sandbox is opened as that of a pod with these containers, or with these servers of names. */
function changed(
  runtime: DockerRuntime,
  { plan, dns }: { readonly plan?: readonly object[]; readonly dns?: SandboxSpec['dns'] },
): Runtime {
  const open = (spec: SandboxSpec, planned: readonly ContainerSpec[]) =>
    runtime.openSandbox({ ...spec, ...(dns ? { dns } : {}) }, (plan as readonly ContainerSpec[]) ?? planned);
  return new Proxy(runtime, {
    get(target, key) {
      if (key === 'openSandbox') return open;
      const member = target[key as keyof DockerRuntime];
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}
