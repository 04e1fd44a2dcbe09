/**
 * The longest turn of the server's event loop while somebody sends each of the heavy loads, in processor time of its
 * main thread, and what it was busy with: `node bench/turns.ts [LIMIT_MS] [NAME]`. Whatever else runs on the machine
 * is not counted, so that the figures of two runs compare.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { customs, type Load, type LoadName, loads, prepare } from './heavy-loads.ts';
import { MeasuredServer, type ServerUser } from './measured-server.ts';
import type { Turn } from './turn-probe.ts';

const limitMs = Number(process.argv[2] ?? 25);
const rounds = 6;
const watchersCount = 20;

const file = join(process.env['TMPDIR'] ?? '/tmp', `mini-k8s-turns-${process.pid}.json`);
const probe = ['--import', join(import.meta.dirname, 'turn-probe.ts')];
process.env['MINI_K8S_TURNS'] = file;
const server = await MeasuredServer.start(['heavy'], [], probe);
let worst = 0;
try {
  const user = server.user('heavy');
  await prepare(user);
  await watched(user);
  const names = (Object.keys(loads) as LoadName[]).filter(
    (name) => name !== 'nothing' && name.includes(process.argv[3] ?? ''),
  );
  for (const name of names) {
    const { run, atOnce }: Load = loads[name];
    // Once before: what is made when it is first needed, and compiled, is not of every request.
    const reply = await run(user);
    await run(user);
    server.signal('SIGUSR2');
    await sleep(100);
    for (let round = 0; round < rounds; round++) await Promise.all(Array.from({ length: atOnce }, () => run(user)));
    const turns = await ended();
    const longest = turns[0]?.processorMs ?? 0;
    worst = Math.max(worst, longest);
    console.log(`${longest.toFixed(1).padStart(6)} ms  ${name} (${reply?.status})`);
    if (longest <= limitMs) continue;
    for (const { ms, name: part } of turns[0]?.parts ?? [])
      console.log(`            ${ms.toFixed(1).padStart(6)}  ${part}`);
  }
  user.close();
} finally {
  await server.remove();
  rmSync(file, { force: true });
}
if (worst > limitMs) {
  console.log(`above the limit of ${limitMs} ms`);
  process.exitCode = 1;
}

async function ended(): Promise<readonly Turn[]> {
  server.signal('SIGUSR2');
  while (!existsSync(file)) await sleep(20);
  const turns = JSON.parse(readFileSync(file, 'utf8')) as readonly Turn[];
  rmSync(file);
  return turns;
}

/** Those who look at a large object, each by a connection of its own. */
async function watched(user: ServerUser): Promise<void> {
  const path = `${customs}?watch=1&fieldSelector=metadata.name%3Dwatched&timeoutSeconds=3600`;
  for (let n = 0; n < watchersCount; n++) user.follow(path);
  await sleep(500);
}
