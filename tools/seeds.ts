import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { chaos } from '../src/sim/chaos.ts';

// Chaos in the simulator, seed after seed. Without flags: a handful that the gate can afford.
// Those that failed once are always played again. `--seed NAME --tell` shows what happened in one.
const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '3' },
    seed: { type: 'string' },
    minutes: { type: 'string', default: '6' },
    nodes: { type: 'string', default: '4' },
    deployments: { type: 'string', default: '4' },
    random: { type: 'boolean', default: false },
    tell: { type: 'boolean', default: false },
    encoded: { type: 'boolean', default: false },
  },
});

const drain = () => new Promise<void>((resolve) => process.nextTick(resolve));
const base = values.random ? randomBytes(4).toString('hex') : 'gate';
const minutes = Number(values.minutes);
const drawn = Array.from({ length: Number(values.seeds) }, (_, n) => ({ seed: `${base}-${n}`, minutes }));
const seeds = values.seed ? [{ seed: values.seed, minutes }] : [...failedOnce(), ...drawn];
let failed = 0;
let virtualMs = 0;
const begun = performance.now();
for (const { seed, minutes } of seeds) {
  console.log(`seed ${seed}`);
  const started = performance.now();
  try {
    const result = await chaos({
      seed,
      drain,
      nodes: Number(values.nodes),
      deployments: Number(values.deployments),
      minutes,
      encoded: values.encoded,
      ...(values.tell ? { tell: (line: string) => console.log(`  ${line}`) } : {}),
    });
    virtualMs += result.virtualMs;
    const speed = Math.round(result.virtualMs / (performance.now() - started));
    console.log(
      `  ${result.fingerprint}, ${result.commits} commits, ${result.events} events, ${speed} times real time`,
    );
  } catch (error) {
    failed++;
    console.log(`  seed ${seed} failed:`, error);
  }
}
const speed = Math.round(virtualMs / (performance.now() - begun));
console.log(`${seeds.length - failed} of ${seeds.length} seeds held, ${speed} times real time`);
process.exitCode = failed > 0 ? 1 : 0;

function failedOnce(): readonly { readonly seed: string; readonly minutes: number }[] {
  const lines = readFileSync(join(import.meta.dirname, '../seeds/failed.txt'), 'utf8').split('\n');
  const told = lines.filter((line) => line !== '' && !line.startsWith('#')).map((line) => line.split(' '));
  return told.map(([seed = '', minutes]) => ({ seed, minutes: Number(minutes) }));
}
