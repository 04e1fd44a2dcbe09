import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { sandboxOf } from '../../../agent/runtime.test-data.ts';
import type { ContainerSpec, SandboxSpec } from '../../../agent/runtime.ts';
import { hostEnv } from '../../env.ts';
import { testEngine } from './busybox.test-data.ts';
import { DockerRuntime } from './docker-runtime.ts';
import type { Engine } from './engine.ts';
import type { EngineClient } from './engine-client.ts';
import { networkName } from './identity.ts';
import { OwnLinks } from './own-links.ts';
import { containerOf } from './specs.test-data.ts';

const found = await testEngine();
const engine = 'engine' in found ? found.engine : (undefined as unknown as Engine);
const isRoot = process.getuid?.() === 0;
const skip =
  'missing' in found
    ? found.missing
    : engine.slowLinks && engine.reachable && isRoot
      ? false
      : 'they are made by root, for an engine before 28 of this machine';
const podRange = '10.241.0.0/24';
const triesMax = 50;
const cluster = `link${process.pid}x${Date.now()}`;

const box = (id: string, more: Partial<SandboxSpec> = {}): SandboxSpec =>
  sandboxOf(id, { hostname: `host-${id}`, dns: { servers: ['192.0.2.53'], searches: [], options: [] }, ...more });
const container = (sandbox: string): ContainerSpec =>
  containerOf(sandbox, 'echo $(cat /etc/hostname) > /tmp/name; exec httpd -f -p 8080 -h /tmp');

test('a pod that the engine has to do something for is left to it', () => {
  assert.equal(OwnLinks.fits(box('a')), true);
  assert.equal(OwnLinks.fits(box('a', { hostNetwork: true })), false);
  assert.equal(OwnLinks.fits(box('a', { ports: [{ container: 80, host: 80, protocol: 'TCP' }] })), false);
  assert.equal(OwnLinks.fits(box('a', { dns: { servers: [], searches: [], options: [] } })), false);
});

test('links are the affair of an engine that is quick, that is elsewhere, or whose bridge is not here', async () => {
  const id = 'f'.repeat(64);
  const near = { reachable: true, slowLinks: true } as Engine;
  assert.equal(await OwnLinks.of({ ...near, slowLinks: false }, id), undefined);
  assert.equal(await OwnLinks.of({ ...near, reachable: false }, id), undefined);
  assert.equal(await OwnLinks.of(near, id), undefined);
});

describe('links of our own', { skip }, () => {
  const runtimes: DockerRuntime[] = [];
  const folder = mkdtempSync(join(tmpdir(), 'mini-k8s-links-'));
  const runtimeOf = (own = engine, node = 'node-0', reserved = 2) => {
    const ranges = { podRange, nodeRange: podRange, reserved, hostIp: '127.0.0.1' };
    const runtime = new DockerRuntime(hostEnv(), { engine: own, owner: { cluster, node }, ...ranges, folder });
    runtimes.push(runtime);
    return runtime;
  };
  const run = async (runtime: DockerRuntime, sandbox: SandboxSpec) => {
    const spec = container(sandbox.id);
    const { ips } = await runtime.openSandbox(sandbox, [spec]);
    await runtime.create(spec);
    await runtime.start(spec.id);
    return ips[0] as string;
  };
  /** Its server begins a moment after its container. */
  const answer = async (ip: string) => {
    for (let tries = 1; ; tries++) {
      const said = await fetch(`http://${ip}:8080/name`).catch(() => undefined);
      if (said) return said.text();
      if (tries === triesMax) throw new Error(`nobody answers at ${ip}`);
      await pause();
    }
  };
  const ownOf = (...labels: readonly string[]) => {
    const query = { all: true, filters: { label: [`io.mini-k8s.cluster=${cluster}`, ...labels] } };
    return engine.client.json<readonly { readonly Id: string }[]>('GET', '/containers/json', { query });
  };
  const holderOf = async (sandbox: string): Promise<string> => {
    const [holder] = await ownOf(`io.mini-k8s.id=${sandbox}`);
    if (!holder) throw new Error(`nobody holds ${sandbox}`);
    return holder.Id;
  };
  after(async () => {
    for (const runtime of runtimes) {
      for (const { id } of (await runtime.list()).sandboxes) await runtime.closeSandbox(id);
      await runtime.tidy();
      runtime.leave();
    }
    rmSync(folder, { recursive: true });
    assert.deepEqual(await ownOf(), []);
    await assert.rejects(engine.client.json('GET', `/networks/${networkName(cluster)}`), /not found/);
  });

  test('a pod has its own name and address from the first moment, and keeps them for its next container', async () => {
    const runtime = runtimeOf();
    const ip = await run(runtime, box('first'));
    assert.equal(await answer(ip), 'host-first\n');
    await runtime.stop('first_main_0', 0);
    await runtime.remove('first_main_0');
    assert.deepEqual((await runtime.list()).sandboxes, [{ id: 'first', ips: [ip] }]);
    assert.equal(await run(runtime, box('first')), ip);
    assert.equal(await answer(ip), 'host-first\n');
  });

  test('a link gives a pod back what it has sent to itself', async () => {
    const runtime = runtimeOf(engine, 'node-5', 225);
    await runtime.openSandbox(box('mirror'), [container('mirror')]);
    const end = `mk8s${(await holderOf('mirror')).slice(0, 11)}`;
    assert.match(execFileSync('ip', ['-d', '-o', 'link', 'show', 'dev', end], { encoding: 'utf8' }), / hairpin on /);
  });

  test('a user who clears away what nobody needs does not take the network of pods', async () => {
    const runtime = runtimeOf(engine, 'node-1', 50);
    const ip = await run(runtime, box('stays'));
    // It is kept beside the pod's own start.
    for (let tries = 0; tries < triesMax && (await ownOf()).length < 3; tries++) await pause();
    await engine.client.json('POST', '/networks/prune', { query: { filters: { label: [] } } });
    assert.equal(await answer(ip), 'host-stays\n');
  });

  test('a sandbox whose link is not there is opened anew, and so are its containers', async () => {
    const runtime = runtimeOf(engine, 'node-2', 100);
    const ip = await run(runtime, box('cut'));
    execFileSync('ip', ['link', 'delete', `mk8s${(await holderOf('cut')).slice(0, 11)}`]);
    const { sandboxes, containers } = await runtime.list();
    assert.deepEqual([sandboxes.length, containers[0]?.state], [0, 'running']);
    await runtime.openSandbox(box('cut'), [container('cut')]);
    const now = await runtime.list();
    assert.deepEqual(now.sandboxes, [{ id: 'cut', ips: [ip] }]);
    assert.equal(now.containers[0]?.state, 'exited');
  });

  test('what an agent has only begun is gone with the next one', async () => {
    await runtimeOf(engine, 'node-4', 200).openSandbox(box('begun'), [container('begun')]);
    execFileSync('ip', ['link', 'delete', `mk8s${(await holderOf('begun')).slice(0, 11)}`]);
    await runtimeOf(engine, 'node-4', 200).prepare();
    await assert.rejects(holderOf('begun'), /nobody holds begun/);
  });

  test('an engine whose processes have other numbers here links its containers itself', async () => {
    const runtime = runtimeOf({ ...engine, client: misnumbering(engine.client) }, 'node-3', 150);
    await assert.rejects(run(runtime, box('far')), /first process of container \w+ is not to be found on this machine/);
    assert.equal(await answer(await run(runtime, box('far'))), 'host-far\n');
  });
});

/** An engine in a space of processes of its own. */
function misnumbering(client: EngineClient): EngineClient {
  return new Proxy(client, {
    get(target, key) {
      const member = target[key as keyof EngineClient];
      if (typeof member !== 'function') return member;
      if (key !== 'json') return (member as () => unknown).bind(target);
      return async (...call: Parameters<EngineClient['json']>) => {
        const said = await target.json<{ readonly State?: { readonly Pid?: number } } | undefined>(...call);
        return said?.State?.Pid ? { ...said, State: { ...said.State, Pid: process.pid } } : said;
      };
    },
  });
}

const pause = () => new Promise((resolve) => setTimeout(resolve, 100));
