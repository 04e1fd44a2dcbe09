// Replays recorded requests of a real Kubernetes against a server of our own and says how far the answers agree.
//   node compat/run.ts [--only create,table] [--kind Pod] [--show 20] [--raise]
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Case, type Cases, type Digest, expectedOf, readCases } from './cases.ts';
import { CompatClient } from './client.ts';
import { agrees } from './judge.ts';
import { newRun, Replay } from './replay.ts';
import { isServed, judge, readSamples } from './roundtrip.ts';
import { startServer } from './server.ts';

const { values: flags } = parseArgs({
  options: {
    only: { type: 'string' },
    kind: { type: 'string' },
    show: { type: 'string', default: '0' },
    raise: { type: 'boolean', default: false },
  },
});
const shownTextMax = 1_500;
const casesFile = fileURLToPath(new URL('cases.jsonl.br', import.meta.url));
const samplesFile = fileURLToPath(new URL('roundtrip.jsonl.br', import.meta.url));
const floorFile = fileURLToPath(new URL('floor.json', import.meta.url));

/** Answers that agree, of all. */
interface Score {
  agreed: number;
  total: number;
}
type Scores = Map<string, Score>;
/** By `section / kind`: how many answers must agree. It may only rise. */
type Floor = Readonly<Record<string, number>>;

async function main(): Promise<number> {
  const all = readCases(casesFile);
  const only = flags.only?.split(',');
  const kinds = flags.kind?.split(',');
  const cases = all.cases.filter(
    ({ section, kind }) => (!only || only.includes(section)) && (!kinds || kinds.includes(kind)),
  );
  const scores: Scores = new Map();
  if (cases.length > 0) await replayed({ ...all, cases }, scores);
  if (!kinds && (!only || only.includes('roundtrip'))) roundTripped(scores);
  printed(scores);
  const floor = JSON.parse(readFileSync(floorFile, 'utf8')) as Floor;
  const below = [...scores].filter(([name, { agreed }]) => isHeld(name) && agreed < (floor[name] ?? 0));
  for (const [name, { agreed }] of below) console.log(`below the floor: ${name}: ${agreed} of ${floor[name]}`);
  if (flags.raise) raise(floor, scores);
  return below.length > 0 ? 1 : 0;
}

async function replayed(chosen: Cases, scores: Scores): Promise<void> {
  const server = await startServer();
  const client = new CompatClient(server.access);
  try {
    const replay = new Replay(client, chosen.objects, newRun());
    let shown = 0;
    for (const [id, cases] of byFixture(chosen.cases)) {
      const fixture = chosen.fixtures.get(id) ?? { type: 'fixture', id };
      await replay.fixture(fixture, cases, (item, answers) => {
        for (const [index, packed] of item.answers.entries()) {
          const expected = expectedOf(packed, chosen.objects);
          const actual = answers[index] ?? { code: 0 };
          const agreed = agrees(item, expected, actual);
          count(scores, item, agreed);
          if (!agreed && shown++ < Number(flags.show)) show(item, expected, actual);
        }
      });
    }
  } finally {
    client.close();
    await server.stop();
  }
}

/** Every kind from JSON to protobuf and back, without a server. */
function roundTripped(scores: Scores): void {
  let shown = 0;
  for (const sample of readSamples(samplesFile)) {
    const faults = judge(sample);
    count(
      scores,
      { section: 'roundtrip', kind: isServed(sample) ? 'served kinds' : 'other kinds' },
      faults.length === 0,
    );
    if (faults.length > 0 && shown++ < Number(flags.show)) console.log(`${sample.name}: ${faults.join('; ')}`);
  }
}

function byFixture(cases: readonly Case[]): ReadonlyMap<string, readonly Case[]> {
  const groups = new Map<string, Case[]>();
  for (const item of cases) {
    const group = groups.get(item.fixture);
    if (group) group.push(item);
    else groups.set(item.fixture, [item]);
  }
  return groups;
}

function count(scores: Scores, { section, kind }: Pick<Case, 'section' | 'kind'>, agreed: boolean): void {
  for (const name of [`${section} / ${kind}`, section, 'all']) {
    const score = scores.get(name) ?? { agreed: 0, total: 0 };
    score.total++;
    if (agreed) score.agreed++;
    scores.set(name, score);
  }
}

function show(item: Case, expected: Digest, actual: Digest): void {
  const text = (digest: Digest) => JSON.stringify(digest).slice(0, shownTextMax);
  console.log(`${item.id}\n  expected ${text(expected)}\n  received ${text(actual)}`);
}

function printed(scores: Scores): void {
  for (const [name, { agreed, total }] of [...scores].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const share = ((100 * agreed) / total).toFixed(1);
    console.log(
      `${name.padEnd(48)} ${String(agreed).padStart(6)} of ${String(total).padStart(6)} ${share.padStart(6)} %`,
    );
  }
}

/** Sums over kinds are shown only: with --kind they are of a part. */
const isHeld = (name: string): boolean => name.includes(' / ');

/** Only what was replayed can rise, and nothing sinks. */
function raise(floor: Floor, scores: Scores): void {
  const raised: Record<string, number> = { ...floor };
  for (const [name, { agreed }] of scores) if (isHeld(name)) raised[name] = Math.max(agreed, floor[name] ?? 0);
  const sorted = Object.fromEntries(Object.entries(raised).sort(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(floorFile, `${JSON.stringify(sorted, undefined, 2)}\n`);
}

process.exitCode = await main();
