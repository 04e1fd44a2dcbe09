import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { sandboxOf, untilHinted } from '../../../agent/runtime.test-data.ts';
import type { ContainerSpec, RuntimeList } from '../../../agent/runtime.ts';
import { never } from '../../../base/stop.ts';
import { hostEnv } from '../../env.ts';
import { testEngine } from './busybox.test-data.ts';
import { DockerRuntime } from './docker-runtime.ts';
import type { Engine } from './engine.ts';
import { containerOf } from './specs.test-data.ts';

// What the suite of all runtimes cannot ask: what only an engine has, and what happens to it from outside.
const found = await testEngine();
const skip = 'missing' in found ? found.missing : false;
const engine = 'engine' in found ? found.engine : (undefined as unknown as Engine);
const podRange = '10.242.0.0/24';
const cluster = `own${process.pid}x${Date.now()}`;
const deadlineMs = 10_000;
const polite = 'trap "exit 143" TERM; echo began; while true; do sleep 0.02; done';

describe('containers', { skip }, () => {
  const runtimes: DockerRuntime[] = [];
  const runtimeOf = (node = 'node-0', own: Engine = engine) => {
    const owner = { cluster, node };
    const options = {
      engine: own,
      owner,
      podRange,
      nodeRange: podRange,
      reserved: node === 'node-0' ? 2 : 200,
      hostIp: '127.0.0.1',
    };
    const runtime = new DockerRuntime(hostEnv(), options);
    runtimes.push(runtime);
    return runtime;
  };
  const run = async (runtime: DockerRuntime, spec: ContainerSpec, sandbox = sandboxOf(spec.sandbox)) => {
    await runtime.openSandbox(sandbox, [spec]);
    await runtime.create(spec);
    await runtime.start(spec.id);
  };
  const exited = async (runtime: DockerRuntime, id: string) => {
    for (const end = performance.now() + deadlineMs; ; await pause()) {
      const state = (await runtime.list()).containers.find((one) => one.id === id);
      if (state?.state === 'exited') return state;
      if (performance.now() > end) throw new Error(`${id} did not exit: ${JSON.stringify(state)}`);
    }
  };
  const said = async (runtime: DockerRuntime, id: string) => {
    const chunks: Uint8Array[] = [];
    const options = { follow: true, timestamps: false };
    for await (const chunk of runtime.logs(id, options, never)) chunks.push(chunk);
    return Buffer.concat(chunks).toString('utf8');
  };
  after(async () => {
    for (const runtime of runtimes) {
      for (const { id } of (await runtime.list()).sandboxes) await runtime.closeSandbox(id);
      runtime.leave();
    }
    await runtimes[0]?.tidy();
  });

  test('what a container mounts is seen on the machine where it asks for that, and nowhere else', async (context) => {
    if (process.getuid?.() !== 0) return context.skip('only root may share a mount');
    const folder = mkdtempSync(join(tmpdir(), 'shared-'));
    const tells = join(folder, 'tells');
    execFileSync('mount', ['--bind', folder, folder]);
    execFileSync('mount', ['--make-shared', folder]);
    try {
      const runtime = runtimeOf();
      const script = (name: string) =>
        `busybox mkdir /s/${name}; busybox mount -t tmpfs own /s/${name} && echo told > /s/${name}/file; exec sleep 1000`;
      const mount = { source: folder, target: '/s', readOnly: false };
      const security = { capabilities: { add: ['SYS_ADMIN'] }, appArmorProfile: { type: 'Unconfined' } };
      const mounts = (propagation: string) => ({ security, mounts: [{ ...mount, propagation }] });
      await run(runtime, containerOf('keeps', script('keeps'), mounts('HostToContainer')));
      await run(runtime, containerOf('tells', script('tells'), mounts('Bidirectional')));
      for (const end = performance.now() + deadlineMs; !existsSync(join(tells, 'file')); await pause()) {
        assert.ok(performance.now() < end, 'the mount of the container did not appear');
      }
      assert.equal(readFileSync(join(tells, 'file'), 'utf8'), 'told\n');
      assert.equal(existsSync(join(folder, 'keeps', 'file')), false);
    } finally {
      execFileSync('umount', ['--recursive', '--lazy', folder]);
      rmSync(folder, { recursive: true });
    }
  });

  test('who starts after a crash finds what runs, and opens nothing twice', async () => {
    const first = runtimeOf();
    const spec = containerOf('adopted', polite);
    await run(first, spec);
    const many = containerOf('several', polite);
    await first.openSandbox(sandboxOf('several'), [many, many]);
    await first.create(many);
    await first.start(many.id);
    const before = await first.list();
    first.leave();
    const second = runtimeOf();
    assert.deepEqual(sorted(await second.list()), sorted(before));
    assert.deepEqual(
      await second.openSandbox(sandboxOf('several'), [many, many]),
      await first.openSandbox(sandboxOf('several'), []),
    );
    await second.create(spec);
    await second.start(spec.id);
    assert.deepEqual(sorted(await second.list()), sorted(before));
    const { ips } = await second.openSandbox(sandboxOf('another'), [spec]);
    assert.ok(!before.sandboxes.some((one) => one.ips[0] === ips[0]), 'an address that is held is not given again');
  });

  test('a privileged container runs, with all that the engine has to give', async () => {
    const runtime = runtimeOf();
    const mounts = 'mkdir /m && mount -t tmpfs none /m && test -e /dev/zero && test -c /dev/kmsg';
    // The second comes when it may be known already what cannot be given.
    const all = ['first', 'second'].map((name) => containerOf(name, mounts, { security: { privileged: true } }));
    await Promise.all(all.map((spec) => run(runtime, spec)));
    for (const { id } of all) assert.equal((await exited(runtime, id)).exitCode, 0);
  });

  test('nodes and clusters on one engine do not see each other', async () => {
    await run(runtimeOf(), containerOf('mine', polite));
    assert.deepEqual(await runtimeOf('node-1').list(), { sandboxes: [], containers: [] });
  });

  test('what happens to a container from outside is hinted at, and its removal is seen', async () => {
    const runtime = runtimeOf();
    const spec = containerOf('victim', polite);
    await run(runtime, spec);
    const hints = runtime.events(never)[Symbol.asyncIterator]();
    const hinted = untilHinted(hints, spec.id);
    const name = `/containers/mini-k8s-${cluster.slice(0, 12)}_node-0_${spec.id}`;
    await engine.client.json('POST', `${name}/kill`);
    await hinted;
    assert.equal((await exited(runtime, spec.id)).exitCode, 137);
    await engine.client.json('DELETE', name);
    const isListed = async () => (await runtime.list()).containers.some(({ id }) => id === spec.id);
    do await untilHinted(hints, spec.id);
    while (await isListed());
  });

  test('a pod whose sandbox died is given a new one, and what ran in the old one is ended', async () => {
    const runtime = runtimeOf();
    const spec = containerOf('lost', polite);
    const { ips } = await runtime.openSandbox(sandboxOf('lost'), [spec, spec]);
    await runtime.create(spec);
    await runtime.start(spec.id);
    const holder = `/containers/mini-k8s-${cluster.slice(0, 12)}_node-0_lost`;
    await engine.client.json('POST', `${holder}/kill`);
    while ((await runtime.list()).sandboxes.some(({ id }) => id === 'lost')) await pause();
    assert.deepEqual(await runtime.openSandbox(sandboxOf('lost'), [spec, spec]), { ips });
    assert.equal((await exited(runtime, spec.id)).exitCode, 137);
    assert.ok((await runtime.list()).sandboxes.some(({ id }) => id === 'lost'));
  });

  test('a container that takes more memory than it may is killed, and it is said so', async () => {
    const runtime = runtimeOf();
    // A child is what is killed: of the end of a first process an engine may learn before it learns why.
    const hungry = "sh -c 'x=1234567890123456; while true; do x=$x$x; done'; code=$?; sleep 1; exit $code";
    const spec = containerOf('hungry', hungry, { resources: { memoryBytes: 16 * 2 ** 20 } });
    await run(runtime, spec);
    assert.equal((await exited(runtime, spec.id)).reason, 'OOMKilled');
  });

  test('a container has its variables, its host names, its user and its mounts', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'mounted-'));
    writeFileSync(join(folder, 'in'), 'from outside');
    const mounts = [
      { source: folder, target: '/rw', readOnly: false },
      { source: folder, target: '/ro', readOnly: true },
    ];
    const script =
      'echo "$MINE $(id -u):$(id -g) $(cat /ro/in)"; grep -c db.local /etc/hosts; echo x > /ro/x; echo 1 > /rw/out';
    const env = [{ name: 'MINE', value: 'a value' }];
    const spec = containerOf('seen', script, { env, mounts, security: { runAsUser: 0, runAsGroup: 7 } });
    const runtime = runtimeOf();
    await run(runtime, spec, sandboxOf('seen', { hosts: [{ ip: '10.0.0.9', names: ['db.local'] }] }));
    const text = await said(runtime, spec.id);
    // The engine keeps two streams: which of their lines comes first is its own affair.
    assert.match(text, /^a value 0:7 from outside$/m);
    assert.match(text, /^1$/m);
    assert.match(text, /Read-only file system/);
    assert.equal(readFileSync(join(folder, 'out'), 'utf8'), '1\n');
    rmSync(folder, { recursive: true });
  });

  test('whom a container began as is known, whoever it is now', async (context) => {
    if (process.getuid?.() !== 0 || !engine.reachable) return context.skip('only root sees what began here');
    const runtime = runtimeOf();
    const security = { runAsUser: 1234, runAsGroup: 4321, supplementalGroups: [77] };
    await run(runtime, containerOf('someone', 'exec sleep 1000', { security }));
    const state = (await runtime.list()).containers.find(({ sandbox }) => sandbox === 'someone');
    assert.deepEqual([state?.user?.uid, state?.user?.gid], [1234, 4321]);
    assert.ok(state?.user?.groups.includes(77));
    await runtime.stop('someone_main_0', 0);
    const ended = (await runtime.list()).containers.find(({ sandbox }) => sandbox === 'someone');
    assert.deepEqual([ended?.state, ended?.user], ['exited', state?.user]);
  });

  test('exec feeds what it is given, tells both streams apart, and has a terminal where one is asked for', async () => {
    const runtime = runtimeOf();
    const spec = containerOf('inside', polite);
    await run(runtime, spec);
    const exec = async (script: string, tty: boolean, input = '') => {
      const stdin = (async function* () {
        if (input) yield Buffer.from(input);
      })();
      const texts = { stdout: '', stderr: '' };
      for await (const part of runtime.exec(
        spec.id,
        ['sh', '-c', script],
        { tty, ...(input ? { stdin } : {}) },
        never,
      )) {
        if ('from' in part) texts[part.from] += Buffer.from(part.bytes).toString('utf8');
      }
      return texts;
    };
    assert.deepEqual(await exec('cat; echo bad >&2', false, 'given'), { stdout: 'given', stderr: 'bad\n' });
    assert.deepEqual(await exec('[ -t 1 ] && echo terminal', true), { stdout: 'terminal\r\n', stderr: '' });
  });

  test('where addresses of containers are not reached a port is heard at this machine', async () => {
    const runtime = runtimeOf('node-2', { ...engine, reachable: false });
    const spec = containerOf('published', 'echo ready; while true; do echo -n heard | nc -l -p 8080; done');
    await run(runtime, spec);
    const { ips } = await runtime.openSandbox(sandboxOf('published'), [spec]);
    const place = runtime.resolve(ips[0] as string, 8080);
    assert.equal(place.host, '127.0.0.1');
    // The engine accepts for a program that may not listen yet.
    let heard = '';
    for (let tries = 0; tries < 100 && heard === ''; tries++) {
      const duplex = await runtime.connect('published', 8080);
      for await (const chunk of duplex.incoming) heard += Buffer.from(chunk).toString('utf8');
      duplex.end();
      await pause();
    }
    assert.equal(heard, 'heard');
  });

  test('nobody runs as root where the pod forbids it', async () => {
    const runtime = runtimeOf();
    const spec = containerOf('rootless', polite, { security: { runAsNonRoot: true } });
    await runtime.openSandbox(sandboxOf('rootless'), [spec]);
    await assert.rejects(runtime.create(spec), /image will run as root/);
  });
});

const pause = () => new Promise((resolve) => setTimeout(resolve, 10));

const sorted = ({ sandboxes, containers }: RuntimeList) => ({
  sandboxes: [...sandboxes].sort((a, b) => (a.id < b.id ? -1 : 1)),
  containers: [...containers].sort((a, b) => (a.id < b.id ? -1 : 1)),
});
