import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { hasNftables } from '../src/host/network/nftables/nftables.ts';
import { busybox, ensureBusybox } from '../src/host/runtime/docker/busybox.test-data.ts';
import { findEngine } from '../src/host/runtime/docker/engine.ts';
import { kubectl } from '../tools/clients.ts';
import { finished, outputOf, root, until } from './cluster.ts';

const client = await kubectl('1.36');
const has = (program: string) => existsSync(`/usr/sbin/${program}`) || existsSync(`/usr/bin/${program}`);
const skip =
  'missing' in client
    ? client.missing
    : process.getuid?.() === 0 && has('dockerd') && has('ip') && has('nsenter') && (await hasNftables())
      ? false
      : 'two machines in one need root on Linux, and the tools dockerd, ip, nsenter and nft';

const source = join(root, 'src', 'main', 'mini-k8s.ts');
const names = ['a', 'b'] as const;
type Name = (typeof names)[number];
/** Addresses for documentation: nobody's. */
const address: Record<Name, string> = { a: '198.51.100.1', b: '198.51.100.2' };
const servicePort = 30_080;

const pod = ({ name, node, app, command }: { name: string; node: Name; app: string; command: readonly string[] }) => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}, labels: {app: ${app}}}
spec:
  nodeName: node-${node}
  terminationGracePeriodSeconds: 0
  containers:
  - {name: c, image: ${busybox}, command: ${JSON.stringify(command)}, ports: [{containerPort: 8080, name: http}]}
---`;
const serves = (name: string) => ['sh', '-c', `echo ${name} > /tmp/name; exec httpd -f -p 8080 -h /tmp`];
const podsOf = (node: Name) => [
  pod({ name: `web-${node}`, node, app: 'web', command: serves(`web-${node}`) }),
  pod({ name: `asks-${node}`, node, app: 'asks', command: ['sleep', '1000'] }),
];
const manifest = `${names.flatMap(podsOf).join('')}
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  type: NodePort
  clusterIP: 10.96.0.20
  selector: {app: web}
  ports: [{port: 80, targetPort: http, nodePort: ${servicePort}}]
---
apiVersion: v1
kind: Service
metadata: {name: near}
spec: {clusterIP: 10.96.0.21, internalTrafficPolicy: Local, selector: {app: web}, ports: [{port: 80, targetPort: http}]}
`;
const policy = `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: far}
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Ingress]
  ingress: [{from: [{podSelector: {matchLabels: {friend: 'yes'}}}]}]
`;

/** A machine of its own as far as the network goes: a namespace, an engine in it. */
class Machine {
  readonly name: Name;
  readonly folder: string;
  readonly namespace: string;
  readonly #children: ChildProcess[] = [];

  constructor(name: Name, folder: string) {
    this.name = name;
    this.folder = join(folder, name);
    this.namespace = `mk8s-${process.pid}-${name}`;
    mkdirSync(this.folder);
  }

  get engine(): string {
    return `unix://${this.folder}/docker.sock`;
  }

  inside = (words: readonly string[]) => finished('nsenter', [`--net=/run/netns/${this.namespace}`, ...words]);

  start(log: string, words: readonly string[]): ChildProcess {
    const out = openSync(join(this.folder, log), 'w');
    const child = spawn('nsenter', [`--net=/run/netns/${this.namespace}`, ...words], {
      cwd: root,
      env: { ...process.env, DOCKER_HOST: this.engine },
      stdio: ['ignore', out, out],
    });
    this.#children.push(child);
    return child;
  }

  async startEngine(): Promise<void> {
    const at = (name: string) => join(this.folder, name);
    const places = [
      '--data-root',
      at('data'),
      '--exec-root',
      at('exec'),
      '--pidfile',
      at('pid'),
      '--host',
      this.engine,
    ];
    this.start('dockerd.log', ['dockerd', ...places, '--bip', `172.30.${names.indexOf(this.name)}.1/24`]);
    await until('engine', 30_000, async () => {
      const words = ['-fsS', '--unix-socket', at('docker.sock'), 'http://engine/_ping'];
      return (await finished('curl', words)).code === 0;
    });
  }

  part(words: readonly string[]): void {
    this.start(`${words[0]}.log`, [process.execPath, source, ...words]);
  }

  log(part: string): string {
    return readFileSync(join(this.folder, `${part}.log`), 'utf8');
  }

  async end(): Promise<void> {
    // The engine last: agents leave it containers that it has to end.
    for (const child of this.#children.toReversed()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const left = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await Promise.race([left, new Promise((resolve) => setTimeout(resolve, 15_000))]);
    }
  }
}

describe('two machines', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'mini-k8s-two-'));
  const program = 'path' in client ? client.path : '';
  const kubeconfig = join(folder, 'kubeconfig');
  const [a, b] = names.map((name) => new Machine(name, folder)) as [Machine, Machine];
  const machines = { a, b };
  const ip = (...words: readonly string[]) => execFileSync('ip', words);
  const does = (words: readonly string[]) => outputOf(words, a.inside([program, '--kubeconfig', kubeconfig, ...words]));
  const apply = async (text: string) => {
    const file = join(folder, 'manifest.yaml');
    writeFileSync(file, text);
    await does(['apply', '-f', file]);
  };
  /** Who answers a pod of a node that asks so many times; nobody, where nothing comes back. */
  const meets = async (node: Name, place: string, count = 24): Promise<string> => {
    const once = `printf 'GET /name HTTP/1.0\\r\\n\\r\\n' | nc -w 2 ${place} 80 | grep ^web`;
    const line = `i=0; while [ $i -lt ${count} ]; do ${once}; i=$((i+1)); done; true`;
    const met = await does(['exec', `asks-${node}`, '--', 'sh', '-c', line]);
    return [...new Set(met.split('\n').filter((text) => text !== ''))].sort().join(' ');
  };

  before(async () => {
    for (const { namespace } of [a, b]) ip('netns', 'add', namespace);
    ip('link', 'add', 'eth0', 'netns', a.namespace, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', b.namespace);
    for (const { name, namespace } of [a, b]) {
      const other = address[name === 'a' ? 'b' : 'a'];
      ip('-n', namespace, 'link', 'set', 'lo', 'up');
      ip('-n', namespace, 'address', 'add', `${address[name]}/24`, 'dev', 'eth0');
      ip('-n', namespace, 'link', 'set', 'eth0', 'up');
      ip('-n', namespace, 'route', 'add', 'default', 'via', other);
    }
    await Promise.all([a.startEngine(), b.startEngine()]);
    for (const machine of [a, b]) {
      // Engines shut what they did not publish; whoever joins machines opens it.
      await machine.inside(['sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward']);
      await machine.inside(['iptables', '-P', 'FORWARD', 'ACCEPT']);
      const engine = await findEngine({ DOCKER_HOST: machine.engine });
      assert.ok('engine' in engine, JSON.stringify(engine));
      await ensureBusybox(engine.engine);
    }
    a.part(['server', '--data-dir', join(folder, 'data'), '--listen', `${address.a}:6443`, '--kubeconfig', kubeconfig]);
    await until('ready line of the server', 20_000, () => a.log('server').includes('"ready":true'));
    for (const part of ['controllers', 'scheduler'])
      a.part([part, '--kubeconfig', kubeconfig, '--leader-elect', 'false']);
    for (const [index, machine] of [a, b].entries()) {
      const where = ['--data-dir', machine.folder, '--listen', `${address[machine.name]}:0`];
      const range = ['--pod-range', `10.244.${index}.0/24`, '--runtime', 'docker'];
      machine.part(['agent', '--kubeconfig', kubeconfig, '--node', `node-${machine.name}`, ...where, ...range]);
    }
    await until('two ready nodes', 30_000, async () => {
      return ((await does(['get', 'nodes', '--no-headers'])).match(/ Ready /g) ?? []).length === 2;
    });
    await until('account of the namespace', 10_000, async () =>
      (await does(['get', 'serviceaccounts'])).includes('default'),
    );
    await apply(manifest);
    await does(['wait', '--for=condition=Ready', 'pod', '--all', '--timeout=60s']);
    for (const node of names)
      await until('endpoints', 10_000, async () => (await meets(node, '10.96.0.20')) === 'web-a web-b');
  });
  after(async () => {
    await a.end();
    await b.end();
    for (const { namespace } of [a, b]) await finished('ip', ['netns', 'delete', namespace]);
    await finished('sh', ['-c', `umount -l ${folder}/*/exec/netns/* ${folder}/*/data/* 2>/dev/null; true`]);
    rmSync(folder, { recursive: true, force: true });
  });

  test('pods of both reach pods of both by the address of their service, and the near ones where they ask for it', async () => {
    for (const node of names) {
      assert.equal(await meets(node, '10.96.0.20'), 'web-a web-b', `from node ${node}`);
      assert.equal(await meets(node, '10.96.0.21'), `web-${node}`, `near node ${node}`);
    }
  });

  test('a node port of either leads to pods of both, on loopback too', async () => {
    for (const node of names) {
      for (const host of [address.a, address.b, '127.0.0.1']) {
        const url = `http://${host}:${servicePort}/name`;
        const met = new Set<string>();
        for (let turn = 0; turn < 24; turn++)
          met.add((await machines[node].inside(['curl', '-sS', '--max-time', '2', url])).out.trim());
        assert.deepEqual([...met].sort(), ['web-a', 'web-b'], `node ${node} asks ${host}`);
      }
    }
  });

  test('pods of both reach the API at its cluster address', async () => {
    for (const node of names)
      await does(['exec', `asks-${node}`, '--', 'sh', '-c', 'nc -w 3 10.96.0.1 443 < /dev/null']);
  });

  test('a policy knows a pod of the other machine by its own address', async () => {
    await apply(policy);
    await until('a refusal', 20_000, async () => (await meets('b', '10.96.0.20', 2)) === '');
    await does(['label', 'pod', 'asks-b', 'friend=yes']);
    // Each machine learns of it by itself.
    await until('answers of both', 60_000, async () => (await meets('b', '10.96.0.20', 12)) === 'web-a web-b');
    assert.equal(await meets('a', '10.96.0.20', 2), '');
    await does(['delete', 'networkpolicy', 'far']);
  });

  test('routes and rules go with their agent', async () => {
    const routes = async (machine: Machine) =>
      (await machine.inside(['ip', 'route', 'show', 'proto', '107'])).out.trim();
    assert.match(await routes(a), new RegExp(`^10\\.244\\.1\\.0/24 via ${address.b}`));
    await b.end();
    assert.equal(await routes(b), '');
    assert.doesNotMatch((await b.inside(['nft', 'list', 'tables'])).out, /mini-k8s/);
  });
});
