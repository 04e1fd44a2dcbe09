import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Outcome } from './report.ts';

/** The tests that pass, by the kind of cluster that they were run against. It may only grow. */
export type Baseline = ReadonlyMap<string, ReadonlySet<string>>;

const heading = 'set\ttest that passes';

export function readBaseline(file: string): Baseline {
  const baseline = new Map<string, Set<string>>();
  if (!existsSync(file)) return baseline;
  for (const line of readFileSync(file, 'utf8').split('\n').slice(1)) {
    const [set, name] = line.split('\t');
    if (!set || !name) continue;
    const known = baseline.get(set) ?? new Set();
    baseline.set(set, known.add(name));
  }
  return baseline;
}

export const baselineOf = (baseline: Baseline, set: string): ReadonlySet<string> => baseline.get(set) ?? new Set();

/** What ran, failed, and passed before. */
export const worse = (baseline: Baseline, set: string, outcomes: readonly Outcome[]): readonly Outcome[] =>
  outcomes.filter(({ name, passed }) => !passed && baselineOf(baseline, set).has(name));

/** With everything that passed now. Nothing is ever taken away here. */
export function raised(baseline: Baseline, set: string, outcomes: readonly Outcome[]): Baseline {
  const passed = outcomes.filter((outcome) => outcome.passed).map(({ name }) => name);
  return new Map(baseline).set(set, new Set([...baselineOf(baseline, set), ...passed]));
}

export function writeBaseline(file: string, baseline: Baseline): void {
  const lines = [...baseline].flatMap(([set, names]) => [...names].map((name) => `${set}\t${name}`));
  writeFileSync(file, `${[heading, ...lines.sort()].join('\n')}\n`);
}
