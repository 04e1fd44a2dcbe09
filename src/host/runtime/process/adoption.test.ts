import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { sandboxOf } from '../../../agent/runtime.test-data.ts';
import type { ContainerSpec, ContainerState } from '../../../agent/runtime.ts';
import { StopSource } from '../../../base/stop.ts';
import { hostEnv } from '../../env.ts';
import { NamedAddresses } from './addresses.ts';
import { bornAt, type Identity, isAlive, marked } from './identity.ts';
import { ProcessRuntime } from './process-runtime.ts';
import { PodFolder, readRecord, type StateRecord } from './record.ts';

test('pods outlive an agent that is killed, and the next one adopts them without a second copy', async () => {
  await inFolder(async (folder) => {
    await agentThatDies(folder, [spec('stays', 'exec sleep 1000'), spec('ends', 'sleep 0.3; echo bye; exit 7')]);
    const before = processOf(folder, 'stays');
    const shim = readRecord<Identity>(podFolder(folder).shim);
    const next = runtimeIn(folder);
    assert.deepEqual((await next.list()).sandboxes, [{ id: 'pod', ips: ['10.244.0.2'] }]);
    assert.equal((await until(next, 'stays', 'running')).exitCode, undefined);
    assert.equal((await until(next, 'ends', 'exited')).exitCode, 7);
    await next.openSandbox(sandboxOf('pod'), []);
    await next.start('stays');
    assert.deepEqual(processOf(folder, 'stays'), before);
    assert.deepEqual(readRecord<Identity>(podFolder(folder).shim), shim);
    assert.equal(sleepers(folder).length, 1);
    await next.stop('stays', 1_000);
    assert.equal((await until(next, 'stays', 'exited')).exitCode, 143);
    await next.closeSandbox('pod');
    assert.deepEqual(marked(podFolder(folder).mark), []);
    assert.equal(isAlive(shim as Identity), false);
  });
});

test('a container whose shim was killed is ended, told as exited 137 within a second, and replaced', async () => {
  await inFolder(async (folder) => {
    const runtime = runtimeIn(folder);
    // It forks a child into a session of its own, which must not stay behind either.
    await open(runtime, [spec('first', `setsid sleep 1000 & exec sleep 1000`)]);
    const before = processOf(folder, 'first');
    const hint = runtime.events(new StopSource()).next();
    const killedAt = performance.now();
    process.kill((readRecord<Identity>(podFolder(folder).shim) as Identity).pid, 'SIGKILL');
    await hint;
    const over = await until(runtime, 'first', 'exited');
    assert.ok(performance.now() - killedAt < 1_000);
    assert.equal(over.exitCode, 137);
    assert.equal(isAlive(before), false);
    assert.deepEqual(marked(podFolder(folder).mark), []);
    await runtime.create(spec('second', 'exec sleep 1000'));
    await runtime.start('second');
    assert.equal((await until(runtime, 'second', 'running')).attempt, 0);
    assert.equal((await until(runtime, 'first', 'exited')).exitCode, 137);
    await runtime.closeSandbox('pod');
    assert.deepEqual(marked(podFolder(folder).mark), []);
  });
});

test('shim and agent killed together: the next agent ends what was left, and only what is really it', async () => {
  await inFolder(async (folder) => {
    const specs = [spec('left', 'exec sleep 1000')];
    await agentThatDies(folder, specs);
    const left = processOf(folder, 'left');
    process.kill((readRecord<Identity>(podFolder(folder).shim) as Identity).pid, 'SIGKILL');
    const next = runtimeIn(folder);
    assert.equal((await until(next, 'left', 'exited')).exitCode, 137);
    assert.equal(isAlive(left), false);
    await next.closeSandbox('pod');
    assert.deepEqual(
      readdirSync(join(folder, 'pods')).filter((name) => !name.startsWith('.')),
      [],
    );
  });
});

test('a process of the same number that was born at another time is somebody else', () => {
  assert.equal(isAlive({ pid: process.pid, born: bornAt(process.pid) }), true);
  assert.equal(isAlive({ pid: process.pid, born: '1' }), false);
});

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'adoption-'));
  try {
    await run(folder);
  } finally {
    const runtime = runtimeIn(folder);
    for (const { id } of (await runtime.list()).sandboxes) await runtime.closeSandbox(id);
    rmSync(folder, { recursive: true });
  }
}

function runtimeIn(folder: string): ProcessRuntime {
  const addresses = new NamedAddresses({ file: join(folder, 'addresses.json'), cidr: '10.244.0.0/24' });
  return new ProcessRuntime(hostEnv(), { root: join(folder, 'pods'), addresses });
}

async function open(runtime: ProcessRuntime, specs: readonly ContainerSpec[]): Promise<void> {
  await runtime.openSandbox(sandboxOf('pod'), specs);
  for (const one of specs) {
    await runtime.create(one);
    await runtime.start(one.id);
  }
}

/** Another process opens the pod, says so, and is killed as it stands. */
async function agentThatDies(folder: string, specs: readonly ContainerSpec[]): Promise<void> {
  const program = `
    const [{ ProcessRuntime }, { NamedAddresses }, { hostEnv }] = await Promise.all(${JSON.stringify(agentModules)}
      .map((url) => import(url)));
    const [root, file, box, specs] = JSON.parse(process.argv[1]);
    const addresses = new NamedAddresses({ file, cidr: '10.244.0.0/24' });
    const runtime = new ProcessRuntime(hostEnv(), { root, addresses });
    await runtime.openSandbox(box, specs);
    for (const spec of specs) { await runtime.create(spec); await runtime.start(spec.id); }
    console.log('open');
    setInterval(() => {}, 1000);`;
  const given = JSON.stringify([join(folder, 'pods'), join(folder, 'addresses.json'), sandboxOf('pod'), specs]);
  const agent = spawn(process.execPath, ['--input-type=module', '-e', program, given], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await new Promise((resolve, reject) => {
    agent.stdout.once('data', resolve);
    agent.once('exit', () => reject(new Error('the agent ended before its pod was open')));
  });
  const ended = new Promise((resolve) => agent.once('close', resolve));
  agent.kill('SIGKILL');
  await ended;
}

const agentModules = ['process-runtime.ts', 'addresses.ts', '../../env.ts'].map((name) => {
  return pathToFileURL(join(import.meta.dirname, name)).href;
});

async function until(runtime: ProcessRuntime, id: string, state: ContainerState['state']): Promise<ContainerState> {
  const deadline = performance.now() + 5_000;
  for (;;) {
    const found = (await runtime.list()).containers.find((one) => one.id === id);
    if (found?.state === state) return found;
    if (performance.now() > deadline) throw new Error(`${id} is not ${state} but ${JSON.stringify(found)}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function spec(id: string, script: string): ContainerSpec {
  const rest = { args: [], env: [], mounts: [], resources: {}, security: {}, tty: false, stdin: false };
  return { id, sandbox: 'pod', name: 'main', attempt: 0, image: 'host', command: ['sh', '-c', script], ...rest };
}

function podFolder(folder: string): PodFolder {
  return new PodFolder(join(folder, 'pods', 'pod'));
}

function processOf(folder: string, id: string): Identity {
  return readRecord<StateRecord>(podFolder(folder).state(id))?.process as Identity;
}

function sleepers(folder: string): readonly Identity[] {
  return marked(podFolder(folder).mark);
}
