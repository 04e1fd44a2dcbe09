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
import { kubectl } from '../tools/clients.ts';
import { finished, processesWith, TestCluster, until } from './cluster.ts';

// Fifty pods, while the agent, the engine and the whole product are killed in turn. At the end nothing is left.

const program = '/usr/sbin/dockerd';
const startsMax = 3;
const podsMax = 50;
const readyMs = 120_000;
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

  const does = async (words: readonly string[], input?: string) => {
    const { code, out, err } = await finished(path, ['--kubeconfig', cluster.kubeconfig, ...words], input);
    assert.equal(code, 0, `kubectl ${words.join(' ')}: ${out}${err}`);
    return out;
  };
  const ready = async () => Number(await does(['get', 'deployment', 'many', '-o', 'jsonpath={.status.readyReplicas}']));
  const pods = async () => (await does(['get', 'pods', '-o', 'name'])).split('\n').filter(Boolean).length;
  const scale = (replicas: number) => does(['scale', 'deployment/many', '--replicas', String(replicas)]);
  const containers = (all: boolean) => own.json<readonly object[]>('GET', '/containers/json', { query: { all } });
  const settled = (count: number) =>
    until(`${count} ready pods, in as many containers`, readyMs, async () => {
      const seen = [await ready(), await pods(), (await containers(false)).length];
      return seen.every((one) => one === count) || Promise.reject(new Error(`ready, pods, containers: ${seen}`));
    });
  const killAgent = () => {
    const [agent] = processesWith(cluster.folder).filter(({ words }) => / agent --kubeconfig /.test(words));
    assert.ok(agent, 'the agent is a process of its own');
    process.kill(agent.pid, 'SIGKILL');
  };

  test('while pods are made, the agent is killed: none is there twice', async () => {
    await cluster.start('up', ['--runtime', 'docker', '--split']);
    await until('namespace with its account', 20_000, async () => {
      const words = ['--kubeconfig', cluster.kubeconfig, 'apply', '-f', '-'];
      const { code, err } = await finished(path, words, JSON.stringify(deployment));
      return code === 0 || Promise.reject(new Error(err));
    });
    await until('some ready pods', readyMs, async () => (await ready()) >= podsMax / 5);
    killAgent();
    await settled(podsMax);
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
    await cluster.end('SIGKILL');
    for (const { pid } of processesWith(cluster.folder).filter(({ words }) => words.includes('mini-k8s'))) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It ended with its parent.
      }
    }
    await cluster.start('up', ['--runtime', 'docker', '--split']);
    await settled(podsMax / 2);
  });

  test('an end leaves no container, network, volume, mount, file or process', async () => {
    await scale(0);
    await settled(0);
    const folder = join(cluster.folder, 'data', 'nodes', 'node-0', 'volumes');
    await until('end of all folders of pods', 20_000, () => readdirSync(folder).length === 0);
    assert.equal(await cluster.end(), 0, cluster.log);
    assert.deepEqual(await containers(true), []);
    const networks = await own.json<readonly { readonly Name: string }[]>('GET', '/networks');
    assert.deepEqual(
      networks.map(({ Name }) => Name).filter((name) => name.startsWith('mini-k8s')),
      [],
    );
    const volumes = await own.json<{ readonly Volumes: readonly object[] | null }>('GET', '/volumes');
    assert.deepEqual(volumes.Volumes ?? [], []);
    assert.deepEqual(mountsWith(cluster.folder), []);
    assert.deepEqual(await cluster.remains(), []);
  });
});
