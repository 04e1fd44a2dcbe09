import { assert, type Millis } from '../base/env.ts';
import { timings } from '../controllers/timing.ts';
import type { Drain } from './clock.ts';
import { SimCluster } from './cluster.ts';
import { Names } from './scenario-names.ts';
import { show } from './scenario-show.ts';
import { type Verb, verbs } from './scenario-verbs.ts';

export interface ScenarioOptions {
  readonly name: string;
  readonly drain: Drain;
  readonly encoded: boolean;
}

export interface Stage {
  readonly cluster: SimCluster;
  readonly names: Names;
}
/** `create deployment web replicas=3`: words, and settings with a name. */
export interface Line {
  readonly words: readonly string[];
  readonly settings: Readonly<Record<string, string>>;
}

const prompt = '> ';

/**
 * Plays a golden scenario: lines that begin with `> ` are verbs, what stands below each is its answer. Answers the
 * whole text with the answers as they are now, so that equal texts mean that nothing has changed.
 */
export async function playScenario(text: string, options: ScenarioOptions): Promise<string> {
  const lines = text.split('\n');
  const head = lines.slice(0, firstVerb(lines));
  const nodes = Number(/^# nodes: (\d+)$/m.exec(head.join('\n'))?.[1] ?? 2);
  const leaders = /^# leaders: (\d+)$/m.exec(head.join('\n'))?.[1];
  const cluster = new SimCluster({
    seed: options.name,
    drain: options.drain,
    nodes,
    net: { encoded: options.encoded, delayMaxMs: 1 },
    runtime: { startDelayMs: 500 },
    ...(leaders ? { leaders: Number(leaders) } : {}),
    rebalance: /^# rebalance: on$/m.test(head.join('\n')),
    metrics: /^# metrics: on$/m.test(head.join('\n')),
    timing: /^# timing: quick$/m.test(head.join('\n')) ? timings.quick : timings.upstream,
  });
  const stage: Stage = { cluster, names: new Names(cluster.store) };
  await cluster.start();
  await cluster.run(5_000);
  const played: string[] = [...head];
  for (const line of lines.filter((one) => one.startsWith(prompt))) {
    played.push(line, ...(await answerOf(stage, line.slice(prompt.length))));
  }
  return `${played.join('\n')}\n`;
}

function firstVerb(lines: readonly string[]): number {
  const found = lines.findIndex((line) => line.startsWith(prompt));
  return found < 0 ? lines.length : found;
}

/** A broken invariant is an answer too: it shows in the text, and a text with it is never what is expected. */
async function answerOf(stage: Stage, text: string): Promise<readonly string[]> {
  const line = parse(text);
  const [verb = '', what = ''] = line.words;
  try {
    if (verb === 'show') return (await show(stage, line)).map((row) => stage.names.replace(row));
    if (verb === 'advance') {
      await stage.cluster.run(durationOf(what));
      return [];
    }
    const run: Verb | undefined = verbs[verb];
    assert(run, `there is no verb ${verb}`);
    const answer = await run(stage, line);
    await stage.cluster.run(0);
    return answer === undefined ? [] : [stage.names.replace(answer)];
  } catch (error) {
    return [`error: ${stage.names.replace((error as Error).message)}`];
  }
}

function parse(text: string): Line {
  const words: string[] = [];
  const settings: Record<string, string> = {};
  for (const word of text.split(' ').filter((one) => one !== '')) {
    const equals = word.indexOf('=');
    if (equals > 0) settings[word.slice(0, equals)] = word.slice(equals + 1);
    else words.push(word);
  }
  return { words, settings };
}

export function durationOf(text: string): Millis {
  const found = /^(\d+)(ms|s|m)$/.exec(text);
  assert(found, `${text} is no duration: say 500ms, 10s or 5m`);
  return Number(found[1]) * { ms: 1, s: 1_000, m: 60_000 }[found[2] as 'ms' | 's' | 'm'];
}
