// Runs upstream's conformance suite, whose programs you bring, and compares with what passed before.
//   npm run conformance -- --e2e PATH --ginkgo PATH [--names FILE] [--kubeconfig FILE --set NAME] [--raise]
//   npm run conformance -- --report FILE --set NAME [--raise]     of a run elsewhere, such as on many machines
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { baselineOf, raised, readBaseline, worse, writeBaseline } from './baseline.ts';
import { type Outcome, outcomesOf } from './report.ts';

const { values: flags } = parseArgs({
  options: {
    e2e: { type: 'string' },
    ginkgo: { type: 'string' },
    names: { type: 'string' },
    kubeconfig: { type: 'string' },
    set: { type: 'string' },
    processes: { type: 'string', default: '8' },
    output: { type: 'string' },
    report: { type: 'string' },
    raise: { type: 'boolean', default: false },
  },
});
const baselineFile = join(import.meta.dirname, 'baseline.tsv');
const program = join(import.meta.dirname, '..', 'src', 'main', 'mini-k8s.ts');
const startMs = 20_000;
const suiteTimeout = '60m';
/** What the suite itself leaves out of a run beside others. */
const leftOut = '\\[Serial\\]|\\[Slow\\]|\\[Disruptive\\]';

async function main(): Promise<number> {
  if (flags.report) {
    if (!flags.set) throw new Error('--report wants --set NAME: what the results are kept under');
    return judged(outcomesOf(readFileSync(flags.report, 'utf8')), flags.set);
  }
  const e2e = programOf('e2e');
  const ginkgo = programOf('ginkgo');
  if (flags.kubeconfig && !flags.set) throw new Error('--kubeconfig wants --set NAME: what the results are kept under');
  const names = flags.names ? linesOf(flags.names) : undefined;
  const folder = mkdtempSync(join(tmpdir(), 'conformance-'));
  const cluster = flags.kubeconfig ? undefined : await startCluster(folder);
  try {
    const output = flags.output ? resolve(flags.output) : folder;
    const kubeconfig = resolve(flags.kubeconfig ?? join(folder, 'kubeconfig'));
    await ran(ginkgo, [...ginkgoFlags(names, output), e2e, '--', ...suiteFlags(kubeconfig)]);
    return judged(outcomesOf(readFileSync(join(output, 'report.json'), 'utf8')), flags.set ?? 'sim');
  } finally {
    await cluster?.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

function programOf(flag: 'e2e' | 'ginkgo'): string {
  const path = flags[flag];
  if (!path || !existsSync(path)) {
    throw new Error(
      `--${flag} wants the path of a program that was built from upstream's modules, not "${path ?? ''}"`,
    );
  }
  return resolve(path);
}

const linesOf = (file: string): readonly string[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '');

function ginkgoFlags(names: readonly string[] | undefined, output: string): readonly string[] {
  // The suite knows its tests by "text of the containers text of the test", and finds them by expressions.
  const chosen = names
    ? names.map((name) => `--focus=${name.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')}`)
    : ['--focus=\\[Conformance\\]', `--skip=${leftOut}`];
  return [
    'run',
    `-procs=${flags.processes}`,
    '--no-color',
    '--succinct',
    `--timeout=${suiteTimeout}`,
    '--grace-period=10s',
    '--json-report=report.json',
    `--output-dir=${output}`,
    ...chosen,
  ];
}

const suiteFlags = (kubeconfig: string): readonly string[] => [
  `--kubeconfig=${kubeconfig}`,
  '--provider=skeleton',
  '--dump-logs-on-failure=false',
  '--disable-log-dump',
];

/** Prints what fell, what rose and a sum; the exit code says whether anything fell. */
function judged(outcomes: readonly Outcome[], set: string): number {
  const baseline = readBaseline(baselineFile);
  const fallen = worse(baseline, set, outcomes);
  for (const { name, message } of outcomes.filter(({ passed }) => !passed))
    console.log(`failed: ${name}\n  ${message}`);
  const known = baselineOf(baseline, set);
  const risen = outcomes.filter(({ name, passed }) => passed && !known.has(name));
  console.log(`${outcomes.filter(({ passed }) => passed).length} of ${outcomes.length} passed`);
  for (const { name } of fallen) console.log(`passed before and does not now: ${name}`);
  if (risen.length > 0)
    console.log(`${risen.length} pass that did not before${flags.raise ? '' : ': --raise keeps them'}`);
  if (flags.raise) writeBaseline(baselineFile, raised(baseline, set, outcomes));
  return fallen.length > 0 || outcomes.length === 0 ? 1 : 0;
}

interface Cluster {
  end(): Promise<void>;
}

/** A cluster of pretended nodes, gone afterwards. */
async function startCluster(folder: string): Promise<Cluster> {
  const kubeconfig = join(folder, 'kubeconfig');
  const words = [
    'up',
    '--foreground',
    '--runtime',
    'sim',
    '--bare',
    '--nodes',
    join(import.meta.dirname, 'nodes.yaml'),
  ];
  const where = ['--data-dir', join(folder, 'data'), '--listen', '127.0.0.1:0', '--kubeconfig', kubeconfig];
  const child = spawn(process.execPath, [program, ...words, ...where], { stdio: ['ignore', 'pipe', 'ignore'] });
  const exited = once(child, 'exit');
  const ready = once(child.stdout, 'data', { signal: AbortSignal.timeout(startMs) });
  const first = await Promise.race([ready, exited.then(() => undefined)]);
  if (first === undefined) throw new Error(`the cluster ended with ${child.exitCode} before it was ready`);
  child.stdout.resume();
  return {
    end: async () => {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

async function ran(file: string, words: readonly string[]): Promise<void> {
  const child = spawn(file, words, {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, KUBERNETES_CONFORMANCE_TEST: 'y' },
  });
  // Its exit code tells of failed tests, and these are judged by the report.
  await once(child, 'exit');
}

process.exitCode = await main();
