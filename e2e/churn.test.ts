import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { busybox, testEngine } from '../src/host/runtime/docker/busybox.test-data.ts';
import { findEngine } from '../src/host/runtime/docker/engine.ts';
import { EngineClient } from '../src/host/runtime/docker/engine-client.ts';
import { label } from '../src/host/runtime/docker/identity.ts';
import { kubectl } from '../tools/clients.ts';
import { kubectlOf, processesWith, TestCluster, until } from './cluster.ts';

// Fifty pods, while the agent, the engine and the whole product are killed in turn: at rest, where what is said has to
// be true again within seconds, and in the middle of work. At the end nothing is left.

const program = '/usr/sbin/dockerd';
const startsMax = 3;
const podsMax = 50;
const readyMs = 120_000;
/** From when all are back that were killed. */
const trueAgainMs = 5_000;
const client = await kubectl('1.36');
const skip = 'missing' in client ? client.missing : whyNoEngine();

/** An engine that is killed has to be one of our own. */
function whyNoEngine(): string | false {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'an engine of our own needs root on Linux';
  return existsSync(program) ? false : `there is no ${program}`;
}

/** An engine with a folder, a socket and networks of its own, which can die and come back. */
class OwnEngine {
  readonly folder = mkdtempSync(join(tmpdir(), 'mini-k8s-engine-'));
  readonly host = `unix://${join(this.folder, 'docker.sock')}`;
  #child: ChildProcess | undefined;

  /** One that comes back after it was killed may give up, because something of its former life is still ending. */
  async start(): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#startOnce();
      } catch (error) {
        if (tries === startsMax) throw error;
      }
    }
  }

  async #startOnce(): Promise<void> {
    const at = (name: string) => join(this.folder, name);
    const places = ['--data-root', at('data'), '--exec-root', at('exec'), '--pidfile', at('pid'), '--host', this.host];
    const log = openSync(at('log'), 'w');
    // In a network of its own: a second engine beside the machine's would take that one's bridge away.
    const child = spawn('unshare', ['--net', program, ...places, '--bridge', 'none', '--iptables=false'], {
      stdio: ['ignore', log, log],
    });
    this.#child = child;
    const isOver = () => child.exitCode !== null || child.signalCode !== null;
    const answered = () =>
      until('engine that answers', 60_000, async () => {
        return isOver() || 'engine' in (await findEngine({ DOCKER_HOST: this.host }));
      });
    await answered();
    if (isOver())
      throw new Error(`the engine ended with ${child.exitCode}: ${readFileSync(at('log'), 'utf8').slice(-2000)}`);
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const left = once(child, 'exit');
    child.kill(signal);
    await left;
  }

  async clear(): Promise<void> {
    await this.end('SIGTERM');
    for (const { pid } of processesWith(this.folder)) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It was faster.
      }
    }
    for (const place of mountsWith(this.folder)) execFileSync('umount', ['--lazy', place]);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const mountsWith = (text: string): readonly string[] =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((place) => place.includes(text))
    .reverse();

interface Running {
  readonly Id: string;
  readonly Labels: Readonly<Record<string, string>>;
}
interface ToldPod {
  readonly metadata: { readonly name: string; readonly uid: string };
  readonly status: {
    readonly containerStatuses?: readonly {
      readonly containerID?: string;
      readonly restartCount: number;
      readonly ready: boolean;
      readonly state: { readonly running?: object };
    }[];
  };
}
const idOf = ({ Labels: labels }: Running): string => labels[label.id] ?? '';

/** What is said of the pods against what the engine has: nothing where it is true. */
function contradictions(pods: readonly ToldPod[], running: readonly Running[]): readonly string[] {
  const found: string[] = [];
  const owners = new Set(pods.map(({ metadata }) => metadata.uid));
  const holders = new Map<string, string>();
  for (const one of running) {
    const uid = one.Labels['io.kubernetes.pod.uid'] ?? '';
    const place = `${uid} ${one.Labels['io.kubernetes.container.name']}`;
    if (holders.has(place)) found.push(`${idOf(one)} runs beside ${holders.get(place)}`);
    holders.set(place, idOf(one));
    if (!owners.has(uid)) found.push(`${idOf(one)} is nobody's`);
  }
  const ids = new Set(running.map(idOf));
  for (const { metadata, status } of pods) {
    for (const { containerID = '', state, ready } of status.containerStatuses ?? []) {
      const isRunning = ids.has(containerID.slice(containerID.indexOf('//') + 2));
      if ((state.running !== undefined || ready) && !isRunning)
        found.push(`${metadata.name} is said to run, and does not`);
      if (state.running === undefined && isRunning) found.push(`${metadata.name} runs, and is said not to`);
    }
  }
  return found;
}

const deployment = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'many' },
  spec: {
    replicas: podsMax,
    selector: { matchLabels: { app: 'many' } },
    template: {
      metadata: { labels: { app: 'many' } },
      spec: {
        terminationGracePeriodSeconds: 0,
        containers: [
          {
            name: 'c',
            image: busybox,
            command: ['sleep', '1000'],
            volumeMounts: [{ name: 'v', mountPath: '/v', subPath: 'inside' }],
          },
        ],
        volumes: [{ name: 'v', emptyDir: {} }],
      },
    },
  },
};

describe('fifty pods, and everything is killed once', { skip }, () => {
  const engine = new OwnEngine();
  const cluster = new TestCluster();
  const path = 'path' in client ? client.path : '';
  let own: EngineClient;
  before(async () => {
    await engine.start();
    process.env['DOCKER_HOST'] = engine.host;
    const found = await testEngine();
    assert.ok('engine' in found);
    own = new EngineClient(found.engine.client.address, '1.41');
  });
  after(async () => {
    await cluster.clear();
    await engine.clear();
  });

  const { does } = kubectlOf(path, cluster);
  const ready = async () => Number(await does(['get', 'deployment', 'many', '-o', 'jsonpath={.status.readyReplicas}']));
  const pods = async () => (await does(['get', 'pods', '-o', 'name'])).split('\n').filter(Boolean).length;
  const scale = (replicas: number) => does(['scale', 'deployment/many', '--replicas', String(replicas)]);
  const containers = (all: boolean) => own.json<readonly Running[]>('GET', '/containers/json', { query: { all } });
  const settled = (count: number) =>
    until(`${count} ready pods, in as many containers`, readyMs, async () => {
      const seen = [await ready(), await pods(), (await containers(false)).length];
      return seen.every((one) => one === count) || Promise.reject(new Error(`ready, pods, containers: ${seen}`));
    });
  const killAgent = () => {
    const agent = processesWith(cluster.folder).find(({ words }) => / agent --kubeconfig /.test(words));
    assert.ok(agent, 'the agent is a process of its own');
    process.kill(agent.pid, 'SIGKILL');
  };
  const killProduct = async () => {
    await cluster.end('SIGKILL');
    for (const { pid } of processesWith(cluster.folder).filter(({ words }) => words.includes('mini-k8s'))) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It ended with its parent.
      }
    }
  };
  const told = async (): Promise<readonly ToldPod[]> => JSON.parse(await does(['get', 'pods', '-o', 'json'])).items;
  /** While nobody looks, a container dies: whoever comes back has to find that out. */
  const killOne = async () => {
    // One that has crashed before would wait before it starts again.
    const victim = (await containers(false)).find(({ Labels: labels }) => labels[label.attempt] === '0');
    assert.ok(victim);
    await own.json('POST', `/containers/${victim.Id}/kill`);
    return victim;
  };
  const renewedAt = async () => {
    const words = ['get', 'lease', 'node-0', '--namespace', 'kube-node-lease', '-o', 'jsonpath={.spec.renewTime}'];
    return Date.parse(await does(words));
  };
  /** A node that says that it lives is back. */
  const agentBack = (killedAt: number) =>
    until('sign of life of the node', readyMs, async () => (await renewedAt()) > killedAt);
  /** Since when all are back: the same containers but one, and nothing said that is not so; then that one is back too. */
  const adopted = async (before: readonly Running[], victim: Running) => {
    const lost = (now: readonly Running[]) => {
      const kept = new Set(now.map(({ Id }) => Id));
      return before.filter(({ Id }) => Id !== victim.Id && !kept.has(Id)).map(idOf);
    };
    await until('state that is told as it is', trueAgainMs, async () => {
      const now = await containers(false);
      const wrong = [...contradictions(await told(), now), ...lost(now).map((id) => `${id} is gone`)];
      return wrong.length === 0 || Promise.reject(new Error(wrong.join('; ')));
    });
    // How soon the engine starts another one is the engine's affair.
    await settled(before.length);
    const now = await containers(false);
    assert.deepEqual([...contradictions(await told(), now), ...lost(now)], []);
  };

  test('while pods are made, the agent is killed: none is there twice', async () => {
    await cluster.start('up', ['--runtime', 'docker', '--split']);
    await until('namespace with its account', 20_000, () => does(['apply', '-f', '-'], JSON.stringify(deployment)));
    await until('some ready pods', readyMs, async () => (await ready()) >= podsMax / 5);
    killAgent();
    await settled(podsMax);
  });

  test('an agent that was killed says within seconds what is so, and has kept what runs', async () => {
    const before = await containers(false);
    killAgent();
    const killedAt = Date.now();
    const victim = await killOne();
    await agentBack(killedAt);
    await adopted(before, victim);
  });

  test('a product that was killed says within seconds what is so, and has kept what runs', async () => {
    const before = await containers(false);
    await killProduct();
    const killedAt = Date.now();
    const victim = await killOne();
    await cluster.start('up', ['--runtime', 'docker', '--split']);
    await agentBack(killedAt);
    await adopted(before, victim);
  });

  test('of an engine that was killed it is said within seconds what runs, and all of it runs again', async () => {
    const uids = async () => (await told()).map(({ metadata }) => metadata.uid).sort();
    const before = await uids();
    await engine.end('SIGKILL');
    await engine.start();
    await until('state that is told as it is', trueAgainMs, async () => {
      const wrong = contradictions(await told(), await containers(false));
      return wrong.length === 0 || Promise.reject(new Error(wrong.join('; ')));
    });
    await settled(podsMax);
    assert.deepEqual(await uids(), before);
    assert.deepEqual(contradictions(await told(), await containers(false)), []);
  });

  test('while pods are removed and made, the engine is killed: all of them are there again', async () => {
    await scale(podsMax / 2);
    await engine.end('SIGKILL');
    await scale(podsMax);
    await engine.start();
    await settled(podsMax);
  });

  test('while pods are removed, the whole product is killed: the next one goes on', async () => {
    await scale(podsMax / 2);
    await killProduct();
    await cluster.start('up', ['--runtime', 'docker', '--split']);
    await settled(podsMax / 2);
    assert.deepEqual(contradictions(await told(), await containers(false)), []);
  });

  /**
   * An engine that was killed may count places in a network for containers that it does not have, and keeps the network
   * until it has started again: then nobody may live in it, and nothing but the count may have been in the way.
   */
  const networksEnd = async () => {
    const all = await own.json<readonly { readonly Name: string }[]>('GET', '/networks');
    const left = all.map(({ Name }) => Name).filter((name) => name.startsWith('mini-k8s'));
    if (left.length === 0) return;
    for (const name of left) {
      const { Containers: inside } = await own.json<{ readonly Containers?: object }>('GET', `/networks/${name}`);
      assert.deepEqual(inside ?? {}, {});
    }
    await engine.end('SIGTERM');
    await engine.start();
    for (const name of left) await own.json('DELETE', `/networks/${name}`);
  };

  test('an end leaves no container, network, volume, mount, file or process', async () => {
    await scale(0);
    await settled(0);
    const folder = join(cluster.folder, 'data', 'nodes', 'node-0', 'volumes');
    await until('end of all folders of pods', 20_000, () => readdirSync(folder).length === 0);
    assert.equal(await cluster.end(), 0, cluster.log);
    assert.deepEqual(await containers(true), []);
    await networksEnd();
    const volumes = await own.json<{ readonly Volumes: readonly object[] | null }>('GET', '/volumes');
    assert.deepEqual(volumes.Volumes ?? [], []);
    assert.deepEqual(mountsWith(cluster.folder), []);
    assert.deepEqual(await cluster.remains(), []);
  });
});
