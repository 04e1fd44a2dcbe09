import { type ChildProcess, spawn } from 'node:child_process';
import { linkSync, rmSync, unlinkSync, writeSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { constants } from 'node:os';
import { dropGroups, insideGroups, killedForMemory } from './control-group.ts';
import { bornAt, endMarked, type Identity, isAlive, signalGroup } from './identity.ts';
import { LogWriter } from './log-writer.ts';
import {
  type AttachMessage,
  makeFolder,
  type PlanRecord,
  PodFolder,
  readRecord,
  type ShimMessage,
  type ShimRequest,
  type StateRecord,
  writeRecord,
} from './record.ts';
import { inTerminal, resizeTerminal } from './terminal.ts';

// The shim: the parent of one pod's processes, so that they outlive the agent and somebody learns their exit codes.
// It is started once per pod and imports little, since its memory and start time count once per pod.
//   node shim.js FOLDER SOCKET

/** How long output may still come after the main process ended and its group was killed. */
const drainMs = 200;
const folder = new PodFolder(process.argv[2] as string);
const socketPath = process.argv[3] as string;
const running = new Map<string, Running>();
const peers = new Set<Socket>();

interface Running {
  readonly child: ChildProcess;
  readonly plan: PlanRecord;
  readonly attached: Set<Socket>;
  readonly ended: Promise<void>;
  killer?: NodeJS.Timeout;
}

makeFolder(folder.containers);
claim();
process.on('SIGHUP', () => {});
process.on('SIGINT', () => {});
process.on('SIGTERM', () => void close().then(leave));
const server = createServer(accept);
server.listen(socketPath, () => {
  try {
    writeSync(1, 'ready\n');
  } catch {
    // The agent that started us is gone; the next one finds the socket.
  }
});

/** One shim a pod: whoever links its file into place first. The agent clears away the file of a dead one. */
function claim(): void {
  const me: Identity = { pid: process.pid, born: bornAt(process.pid) };
  const draft = `${folder.shim}.${process.pid}`;
  writeRecord(draft, me);
  try {
    linkSync(draft, folder.shim);
  } catch {
    const other = readRecord<Identity>(folder.shim);
    unlinkSync(draft);
    process.exit(other !== undefined && isAlive(other) ? 0 : 1);
  }
  unlinkSync(draft);
  rmSync(socketPath, { force: true });
}

function accept(peer: Socket): void {
  peers.add(peer);
  let text = '';
  peer.setEncoding('utf8');
  peer.on('data', (chunk: string) => {
    const lines = (text + chunk).split('\n');
    text = lines.pop() as string;
    for (const line of lines) void answer(peer, JSON.parse(line) as ShimRequest);
  });
  peer.on('error', () => {});
  peer.on('close', () => peers.delete(peer));
}

async function answer(peer: Socket, request: ShimRequest): Promise<void> {
  let message: ShimMessage = { n: request.n };
  try {
    if (request.say === 'start') await start(request.id);
    else if (request.say === 'stop') await stop(request.id, request.signal, request.graceMs);
    else if (request.say === 'remove') await remove(request.id);
    else if (request.say === 'hold') hold(request.ms);
    else if (request.say === 'attach') attach(peer, request);
    else if (request.say === 'input') input(request);
    else if (request.say === 'resize') resize(request);
    else await close();
  } catch (error) {
    message = { n: request.n, error: error instanceof Error ? error.message : String(error) };
  }
  if (request.say === 'close') peer.end(`${JSON.stringify(message)}\n`, leave);
  else peer.write(`${JSON.stringify(message)}\n`);
}

/** Counts down here because the agent may die: whoever it then cannot end must not run for ever. */
let holder: NodeJS.Timeout | undefined;
let isHeld = true;
function hold(ms: number): void {
  clearTimeout(holder);
  isHeld = true;
  holder = setTimeout(() => {
    isHeld = false;
    for (const id of running.keys()) void stop(id, 'SIGKILL', 0);
    void endMarked(folder.mark, drainMs);
  }, ms);
}

async function start(id: string): Promise<void> {
  if (!isHeld) throw new Error('nobody has said for too long that this pod may run');
  // A state on disk means that it was started once, and once is all a container has.
  if (readRecord<StateRecord>(folder.state(id)) !== undefined) return;
  const plan = readRecord<PlanRecord>(folder.plan(id));
  if (plan === undefined) throw new Error(`no container ${id}`);
  const [file, ...args] = plan.command;
  writeRecord(folder.state(id), { state: 'starting' } satisfies StateRecord);
  const log = new LogWriter(folder.log(id));
  const child = insideGroups(plan.groups, () => spawnPlan(plan, file as string, args));
  const startedAt = Date.now();
  if (child.pid === undefined) {
    const cause = await new Promise<Error>((resolve) => child.once('error', resolve));
    log.close();
    const code = (cause as NodeJS.ErrnoException).code;
    const state: StateRecord = { state: 'exited', exitCode: 128, reason: 'StartError', finishedAt: startedAt };
    save(id, { ...state, startedAt });
    throw new Error(`cannot run ${file} in ${plan.folder}: ${code === 'ENOENT' ? 'no such file' : cause.message}`);
  }
  const identity: Identity = { pid: child.pid, born: bornAt(child.pid) };
  const state: StateRecord = { state: 'running', process: identity, startedAt };
  const ended = watch(id, child, state, log);
  running.set(id, { child, plan, attached: new Set(), ended });
  save(id, state);
}

function spawnPlan(plan: PlanRecord, file: string, args: readonly string[]): ChildProcess {
  try {
    const [program, words] = plan.spec.tty ? inTerminal(file, args) : [file, [...args]];
    return spawn(program, words, {
      cwd: plan.folder,
      env: plan.env,
      // A session and a group of its own, so that all it forks can be told at once.
      detached: true,
      stdio: [plan.spec.stdin || plan.spec.tty ? 'pipe' : 'ignore', 'pipe', 'pipe'],
      ...(plan.user === undefined ? {} : { uid: plan.user }),
      ...(plan.group === undefined ? {} : { gid: plan.group }),
    });
  } catch (error) {
    // Some failures are thrown and some are events; from here on all are events.
    const failed = { pid: undefined, once: (_: string, tell: (cause: unknown) => void) => tell(error) };
    return failed as unknown as ChildProcess;
  }
}

/** Resolves once the container is over, its log is written and its end is on disk. */
function watch(id: string, child: ChildProcess, state: StateRecord, log: LogWriter): Promise<void> {
  for (const from of ['stdout', 'stderr'] as const) {
    child[from]?.on('data', (chunk: Buffer) => {
      log.take(from, chunk);
      tell(id, from, chunk);
    });
  }
  // Who does not read its input to the end is none of our failures.
  child.stdin?.on('error', () => {});
  child.on('error', () => {});
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => {
      const finishedAt = Date.now();
      // The main process is the container: nobody of its group outlives it.
      signalGroup(child.pid as number, 'SIGKILL');
      const drained = setTimeout(finish, drainMs);
      child.once('close', finish);
      let done = false;
      function finish(): void {
        if (done) return;
        done = true;
        clearTimeout(drained);
        clearTimeout(running.get(id)?.killer);
        child.stdout?.destroy();
        child.stderr?.destroy();
        log.close();
        for (const peer of running.get(id)?.attached ?? []) peer.end();
        const exitCode = code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
        const { groups } = running.get(id)?.plan ?? {};
        const outOfMemory = signal === 'SIGKILL' && groups !== undefined && killedForMemory(groups);
        const reason = outOfMemory ? 'OOMKilled' : exitCode === 0 ? 'Completed' : 'Error';
        running.delete(id);
        save(id, { ...state, state: 'exited', exitCode, reason, finishedAt, ...(signal ? { signal } : {}) });
        resolve();
      }
    });
  });
}

function save(id: string, state: StateRecord): void {
  writeRecord(folder.state(id), state);
  for (const peer of peers) peer.write(`${JSON.stringify({ changed: id } satisfies ShimMessage)}\n`);
}

/** An attached client that does not read is let go of: the container must not wait for it, nor our memory. */
const unreadBytesMax = 4 * 1024 * 1024;

function tell(id: string, from: 'stdout' | 'stderr', chunk: Buffer): void {
  for (const peer of running.get(id)?.attached ?? []) {
    if (peer.writableLength > unreadBytesMax) peer.destroy();
    else peer.write(`${JSON.stringify({ output: chunk.toString('base64'), from } satisfies AttachMessage)}\n`);
  }
}

function attach(peer: Socket, { id, input: speaks }: ShimRequest & { say: 'attach' }): void {
  const one = running.get(id);
  if (one === undefined) throw new Error(`container ${id} does not run`);
  one.attached.add(peer);
  peer.once('close', () => {
    one.attached.delete(peer);
    if (speaks && one.plan.spec.stdinOnce) one.child.stdin?.end();
  });
}

/** The end of one client's input is the container's only where it is to have no more than one. */
function input({ id, bytes }: ShimRequest & { say: 'input' }): void {
  const one = running.get(id);
  if (bytes !== undefined) one?.child.stdin?.write(Buffer.from(bytes, 'base64'));
  else if (one?.plan.spec.stdinOnce) one.child.stdin?.end();
}

function resize({ id, rows, columns }: ShimRequest & { say: 'resize' }): void {
  const pid = running.get(id)?.child.pid;
  if (pid !== undefined) resizeTerminal(pid, { rows, columns });
}

/** Answers when it is over. Asked again with less grace, it hurries. */
async function stop(id: string, signal: NodeJS.Signals, graceMs: number): Promise<void> {
  const one = running.get(id);
  if (one === undefined) return;
  const group = one.child.pid as number;
  clearTimeout(one.killer);
  if (graceMs > 0) signalGroup(group, signal);
  else signalGroup(group, 'SIGKILL');
  if (graceMs > 0) one.killer = setTimeout(() => signalGroup(group, 'SIGKILL'), graceMs);
  await one.ended;
}

async function remove(id: string): Promise<void> {
  await stop(id, 'SIGKILL', 0);
  const groups = readRecord<PlanRecord>(folder.plan(id))?.groups;
  if (groups !== undefined) dropGroups(groups);
  rmSync(folder.container(id), { recursive: true, force: true });
}

async function close(): Promise<void> {
  await Promise.all([...running.keys()].map((id) => stop(id, 'SIGKILL', 0)));
  // Whoever left its group on purpose, or was started by exec.
  await endMarked(folder.mark, drainMs);
}

function leave(): void {
  rmSync(socketPath, { force: true });
  rmSync(folder.shim, { force: true });
  process.exit(0);
}
