import { spawn } from 'node:child_process';
import { existsSync, globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { delimiter, dirname, join, sep } from 'node:path';
import { machineFolders } from './rules.ts';

// The one gate: what you, the hook and CI run. `--all` adds everything end to end, and that is `npm test`.
const root = join(import.meta.dirname, '..');
const all = process.argv.includes('--all');
const unitTests = globSync(['src/**/*.test.ts', 'tools/**/*.test.ts'], { cwd: root }).sort();
/** Theirs wait for processes, sockets and disks: beside the others, which only reckon, they cost little. */
const machineRoots = ['tools', ...machineFolders.map((folder) => join('src', folder))].map((folder) => folder + sep);
const isOfMachine = (file: string) => machineRoots.some((start) => file.startsWith(start));
const endToEndTests = globSync('e2e/**/*.test.ts', { cwd: root });

interface Step {
  readonly name: string;
  readonly command: readonly string[];
  /** A step whose files are not written yet is said to be skipped, never silently left out. */
  readonly needs?: string;
}
interface Outcome {
  readonly name: string;
  readonly passed: boolean;
  readonly counts: Counts;
}
type Counts = Readonly<Record<(typeof countNames)[number], number>>;
const countNames = ['tests', 'suites', 'pass', 'fail', 'cancelled', 'skipped', 'todo'] as const;

// The slowest first, so that the short ones fill the gaps.
const steps: readonly Step[] = [
  { name: 'unit tests of the machine', command: tested(unitTests.filter(isOfMachine)) },
  { name: 'unit tests', command: tested(unitTests.filter((file) => !isOfMachine(file))) },
  { name: 'types', command: ['tsc', '-b'] },
  { name: 'scenarios', command: ['node', 'tools/scenarios.ts'], needs: 'tools/scenarios.ts' },
  { name: 'seeds', command: ['node', 'tools/seeds.ts'], needs: 'tools/seeds.ts' },
  { name: 'knip', command: ['knip', '--no-progress'] },
  { name: 'tidy', command: ['node', 'tools/tidy.ts'] },
  { name: 'biome', command: ['biome', 'check', '--error-on-warnings', '--max-diagnostics=50'] },
  { name: 'schema', command: ['node', 'tools/schema.ts', '--check'] },
  { name: 'docs', command: ['node', 'tools/docs.ts', '--check'] },
];

const started = performance.now();
// One more than there are processors: the first waits most of the time.
const outcomes = await runInParallel(steps, Math.max(2, availableParallelism()) + 1);
const typesPassed = outcomes.every((outcome) => outcome.name !== 'types' || outcome.passed);
if (all && endToEndTests.length === 0) console.log('- end to end: skipped, e2e/ has no test yet');
else if (all && !typesPassed) console.log('- end to end: skipped, the build failed');
else if (all) {
  const flags = ['--test', '--test-concurrency=1', ...endToEndTests];
  outcomes.push(await runStep({ name: 'end to end', command: ['node', ...flags] }, true));
}
close(outcomes);

function tested(files: readonly string[]): readonly string[] {
  return ['node', '--test', '--test-isolation=none', ...files];
}

async function runInParallel(queue: readonly Step[], width: number): Promise<Outcome[]> {
  const waiting = [...queue];
  const done: Outcome[] = [];
  const worker = async (): Promise<void> => {
    for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) {
      if (step.needs === undefined || existsSync(join(root, step.needs))) done.push(await runStep(step, false));
      else console.log(`- ${step.name}: skipped, ${step.needs} does not exist`);
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
  return done;
}

/** One line per step, with its time; what it printed only when it failed, or as it comes when it is `live`. */
async function runStep(step: Step, live: boolean): Promise<Outcome> {
  const [file = '', ...words] = step.command;
  const begun = performance.now();
  let output = '';
  const code = await new Promise<number>((resolve) => {
    // The tools of this repository, also when the gate is started by hand.
    const path = [dirname(process.execPath), join(root, 'node_modules', '.bin'), process.env['PATH']].join(delimiter);
    const environment: NodeJS.ProcessEnv = { ...process.env, PATH: path };
    // A runner inside a runner reports to the outer one and prints nothing.
    delete environment['NODE_TEST_CONTEXT'];
    const child = spawn(file === 'node' ? process.execPath : file, words, {
      cwd: root,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
      shell: process.platform === 'win32' && file !== 'node',
    });
    const take = (chunk: Buffer): void => {
      output += chunk.toString();
      if (live) process.stdout.write(chunk);
    };
    child.stdout?.on('data', take);
    child.stderr?.on('data', take);
    child.on('error', (error) => {
      output += `${error.message}\n`;
      resolve(1);
    });
    child.on('close', (status) => resolve(status ?? 1));
  });
  const passed = code === 0;
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  if (!passed && !live) process.stdout.write(`${output.trimEnd()}\n`);
  console.log(`${passed ? '✔' : '✖'} ${step.name} (${seconds} s)`);
  return { name: step.name, passed, counts: countsOf(output, passed) };
}

/** What a test runner counted; a step that runs no tests counts as one. */
function countsOf(output: string, passed: boolean): Counts {
  const counts = { tests: 1, suites: 0, pass: passed ? 1 : 0, fail: passed ? 0 : 1, cancelled: 0, skipped: 0, todo: 0 };
  const closing = [...output.matchAll(/^[ℹ#] (tests|suites|pass|fail|cancelled|skipped|todo) (\d+)$/gm)];
  if (!closing.some((match) => match[1] === 'tests')) return counts;
  for (const [, name, count] of closing) counts[name as keyof Counts] = Number(count);
  // A runner that fails without a failing test (a file that does not load) must still be seen below.
  if (!passed && counts.fail === 0) counts.fail = 1;
  return counts;
}

/** The closing lines of node's test runner, over all steps: the last thing a run prints. */
function close(finished: readonly Outcome[]): void {
  const failed = finished.filter((outcome) => !outcome.passed).map((outcome) => outcome.name);
  console.log(failed.length === 0 ? 'everything is in order' : `failed: ${failed.join(', ')}`);
  for (const name of countNames)
    console.log(`ℹ ${name} ${finished.reduce((sum, outcome) => sum + outcome.counts[name], 0)}`);
  console.log(`ℹ duration_ms ${(performance.now() - started).toFixed(3)}`);
  process.exitCode = failed.length === 0 ? 0 : 1;
}
