import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, machineMs, readHolds, writeHolds } from './hold-file.ts';
import { Holds } from './holds.ts';

const owner = { cluster: 'test', node: 'node-0' };
const patienceMs = 10_000;

/** An engine that runs one container in each sandbox that it is asked about, until that is killed. */
async function withEngine(run: (socket: string, file: string, killed: Set<string>) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'mini-k8s-holds-'));
  const killed = new Set<string>();
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://engine');
    const { label = [] } = JSON.parse(url.searchParams.get('filters') ?? '{}') as { label?: readonly string[] };
    const sandbox = label.find((one) => one.startsWith('io.mini-k8s.sandbox='))?.split('=')[1] ?? '';
    const kill = /^\/containers\/(.*)\/kill$/.exec(url.pathname)?.[1];
    if (kill !== undefined) killed.add(kill);
    const isOurs = label.includes('io.mini-k8s.cluster=test') && label.includes('io.mini-k8s.node=node-0');
    response.end(JSON.stringify(isOurs && !killed.has(sandbox) ? [{ Id: sandbox }] : []));
  });
  const socket = join(folder, 'socket');
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  const file = join(folder, 'node', 'holds.json');
  try {
    await run(socket, file, killed);
  } finally {
    const guard = readHolds(file)?.guard;
    if (guard && isAlive(guard)) process.kill(guard, 'SIGKILL');
    server.close();
    server.closeAllConnections();
    rmSync(folder, { recursive: true });
  }
}

async function until(what: string, isSo: () => boolean): Promise<void> {
  for (const end = performance.now() + patienceMs; !isSo(); await sleep(20)) {
    if (performance.now() > end) throw new Error(`no ${what} within ${patienceMs / 1000} s`);
  }
}

const skip = process.platform === 'win32' && 'needs sockets that are files';
test('what nobody holds any more is ended by a process beside the agent, and all else is left alone', { skip }, () =>
  withEngine(async (socket, file, killed) => {
    const holds = new Holds(file, socket, owner);
    await holds.hold('kept', 60_000);
    await holds.hold('lost', 200);
    assert.equal(holds.isOver('lost'), false);
    await until('end of what was lost', () => killed.has('lost'));
    assert.deepEqual([holds.isOver('lost'), holds.isOver('kept'), holds.isOver('never held')], [true, false, false]);
    assert.deepEqual([...killed], ['lost']);
    const { guard = 0 } = readHolds(file) ?? {};
    assert.ok(isAlive(guard));
    holds.release('lost');
    holds.release('kept');
    await until('end of the guard', () => !isAlive(guard));
  }),
);

test('an agent that starts again in time keeps what the one before it held', { skip }, () =>
  withEngine(async (socket, file, killed) => {
    await new Holds(file, socket, owner).hold('one', 1_500);
    const first = readHolds(file)?.guard ?? 0;
    const again = new Holds(file, socket, owner);
    assert.equal(again.isOver('one'), false);
    await again.hold('one', 60_000);
    await until('end of the first guard', () => !isAlive(first));
    await sleep(1_600);
    assert.deepEqual([...killed], []);
    assert.ok(isAlive(readHolds(file)?.guard ?? 0));
    again.release('one');
  }),
);

test('what was held before the machine started anew is not believed', () => {
  const folder = mkdtempSync(join(tmpdir(), 'mini-k8s-holds-'));
  const file = join(folder, 'holds.json');
  const now = machineMs();
  writeHolds(file, { agent: 1, guard: 0, until: { soon: now + 3_000, before: now + 10_000_000 } });
  assert.deepEqual(readHolds(file)?.until, { soon: now + 3_000 });
  assert.equal(readHolds(join(folder, 'none')), undefined);
  rmSync(folder, { recursive: true });
});
