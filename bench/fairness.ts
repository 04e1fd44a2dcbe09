/**
 * How long a small GET of one user waits behind the heavy work of another: `node bench/fairness.ts [SECONDS] [NAME]`.
 * Both users' clients are processes of their own. `busyMax` is the most of a wait in which the server's main thread ran
 * (Linux only): the rest of it waited for a processor, of which the server, the helpers of its garbage collector and
 * both clients want several. The limit is 50 ms of that for each, and by the clock at the 99th percentile. `stolen` is
 * how much of the machine's processors its host gave to others meanwhile, in percent: a load that is above the limit
 * while that is much is measured again, at most twice. What the server is busy with, `bench/turns.ts` tells.
 */
import { fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Load, type LoadName, loads, maps, prepare } from './heavy-loads.ts';
import { MeasuredServer, ServerUser, ticksPerSecond, tokenOf } from './measured-server.ts';

interface Task {
  readonly url: string;
  readonly name: LoadName;
}
interface Figures {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly busyMax: number;
  readonly stolen: number;
}

const limitMs = 50;
const stolenMuch = 3;
const attemptsMax = 3;
const probeEveryMs = 4;

if (process.send) process.on('message', (task: Task) => void drive(task));
else await main();

async function main(): Promise<void> {
  const seconds = Number(process.argv[2] ?? 4);
  const server = await MeasuredServer.start(['light', 'heavy']);
  try {
    const heavy = server.user('heavy');
    await prepare(heavy);
    heavy.close();
    const light = server.user('light');
    for (const name of (Object.keys(loads) as LoadName[]).filter((name) => name.includes(process.argv[3] ?? ''))) {
      for (let attempt = 1; ; attempt++) {
        const figures = await behind(name, server, light, seconds * 1_000);
        console.log(JSON.stringify({ bench: 'fairness', behind: name, ...figures }));
        if (figures.p99 <= limitMs && (figures.busyMax || 0) <= limitMs) break;
        if (figures.stolen >= stolenMuch && attempt < attemptsMax) continue;
        console.log(`above the limit of ${limitMs} ms`);
        process.exitCode = 1;
        break;
      }
    }
  } finally {
    await server.remove();
  }
}

async function behind(name: LoadName, server: MeasuredServer, user: ServerUser, forMs: number): Promise<Figures> {
  const child = fork(import.meta.filename, [], { stdio: 'inherit' });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.send({ url: String(server.url), name } satisfies Task);
  // Until it has all its connections.
  await sleep(1_000);
  const figures = await probe(server, user, forMs);
  child.kill();
  await ended;
  await sleep(500);
  return figures;
}

async function probe(server: MeasuredServer, user: ServerUser, forMs: number): Promise<Figures> {
  const took: number[] = [];
  let busyMax = 0;
  const stolenBefore = stolenMs();
  for (const end = performance.now() + forMs; performance.now() < end; await sleep(probeEveryMs)) {
    const before = server.mainThreadMs();
    const { status, tookMs } = await user.send('GET', `${maps}/small`);
    busyMax = Math.max(busyMax, server.mainThreadMs() - before);
    if (status !== 200) throw new Error(`a small GET was answered ${status}`);
    took.push(tookMs);
  }
  const stolen = ((stolenMs() - stolenBefore) / forMs / availableParallelism()) * 100;
  took.sort((a, b) => a - b);
  const rounded = (ms: number) => Number(ms.toFixed(1));
  const at = (part: number) => rounded(took[Math.min(took.length - 1, Math.floor(took.length * part))] ?? 0);
  return {
    count: took.length,
    p50: at(0.5),
    p99: at(0.99),
    max: at(1),
    busyMax: rounded(busyMax),
    stolen: rounded(stolen),
  };
}

/** What the host gave to others of the time that somebody here wanted, by Linux's account; elsewhere nobody knows. */
function stolenMs(): number {
  if (process.platform !== 'linux') return 0;
  const [, , , , , , , , ticks] = readFileSync('/proc/stat', 'utf8').split(/\s+/, 9);
  return (Number(ticks) / ticksPerSecond) * 1_000;
}

/** The heavy user's process, until it is ended. */
async function drive({ url, name }: Task): Promise<void> {
  const { atOnce, run }: Load = loads[name];
  const user = new ServerUser(new URL(url), tokenOf('heavy'));
  const told = new Set<number>();
  const once = async () => {
    const reply = await run(user);
    if (!reply || told.has(reply.status)) return;
    told.add(reply.status);
    if (reply.status >= 300) console.error(`${name}: ${reply.status} ${reply.body.toString().slice(0, 120)}`);
  };
  const forever = async () => {
    // A connection that breaks is opened again, and told.
    for (;;) await once().catch((error: unknown) => console.error(`${name}: ${String(error)}`));
  };
  for (let n = 0; n < atOnce; n++) void forever();
}
