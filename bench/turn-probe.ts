/**
 * Loaded into a server before it starts (`node --import`): the processor time of every turn of its event loop, and what
 * the longest of them did. A signal begins a measurement, the next one ends it and writes it to the file that
 * MINI_K8S_TURNS names. Only the main thread's own time counts: whatever else runs on the machine does not.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { type Profiler, Session } from 'node:inspector/promises';

export interface Turn {
  readonly processorMs: number;
  /** The functions of ours that took most of it, with all that they called. */
  readonly parts: readonly { readonly name: string; readonly ms: number }[];
}

const file = process.env['MINI_K8S_TURNS'] ?? 'turns.json';
const turnsMax = 3;
const partsMax = 6;
const sampleMicroseconds = 500;
const session = new Session();
session.connect();
let turns: { begun: number; ended: number; processorMs: number }[] = [];
let next: NodeJS.Immediate | undefined;

process.on('SIGUSR2', () => void (next ? end() : begin()));

async function begin(): Promise<void> {
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: sampleMicroseconds });
  await session.post('Profiler.start');
  turns = [];
  let before = used();
  let begun = process.hrtime.bigint();
  const turn = () => {
    const now = used();
    const ended = process.hrtime.bigint();
    if (now - before > 2_000) {
      turns.push({ begun: Number(begun) / 1e3, ended: Number(ended) / 1e3, processorMs: (now - before) / 1e3 });
    }
    before = used();
    begun = process.hrtime.bigint();
    next = setImmediate(turn);
  };
  next = setImmediate(turn);
}

async function end(): Promise<void> {
  clearImmediate(next);
  next = undefined;
  const { profile } = await session.post('Profiler.stop');
  const longest = turns.toSorted((a, b) => b.processorMs - a.processorMs).slice(0, turnsMax);
  const told = longest.map(({ processorMs, ...when }): Turn => ({ processorMs, parts: partsOf(profile, when) }));
  writeFileSync(`${file}.new`, JSON.stringify(told));
  renameSync(`${file}.new`, file);
}

const used = () => {
  const { user, system } = process.threadCpuUsage();
  return user + system;
};

function partsOf(profile: Profiler.Profile, when: { begun: number; ended: number }): Turn['parts'] {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const parents = new Map(profile.nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])));
  const found = new Map<string, number>();
  let at = profile.startTime;
  profile.samples?.forEach((sample, index) => {
    const took = profile.timeDeltas?.[index] ?? 0;
    at += took;
    if (at < when.begun || at > when.ended) return;
    const names = new Set<string>();
    for (let id: number | undefined = sample; id !== undefined; id = parents.get(id)) {
      const { callFrame } = nodes.get(id) as Profiler.ProfileNode;
      const own = /\/(?:out|src)\/(.*)$/.exec(callFrame.url)?.[1];
      if (own) names.add(`${callFrame.functionName || 'a function'} (${own})`);
      else if (callFrame.functionName === '(garbage collector)') names.add(callFrame.functionName);
    }
    for (const name of names) found.set(name, (found.get(name) ?? 0) + took / 1e3);
  });
  const sorted = [...found].sort((a, b) => b[1] - a[1]).slice(0, process.env['MINI_K8S_PARTS'] ? 40 : partsMax);
  return sorted.map(([name, ms]) => ({ name, ms: Math.round(ms * 10) / 10 }));
}
