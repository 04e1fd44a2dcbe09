import { deepEqual, equal, match } from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { tidy } from './tidy.ts';

/** The one fault that a tree has. Every planted file is started by main/, so that it is not also dead. */
function faultOf(files: Readonly<Record<string, string>>): string {
  const started = Object.keys(files).filter((path) => path.startsWith('src/') && !path.startsWith('src/main/'));
  const main = started.map((path) => `import '../${path.slice('src/'.length)}';\n`).join('');
  const faults = faultsOf({ 'src/main/start.ts': main, ...files });
  equal(faults.length, 1, `one fault was planted and these were found: ${faults.join(' | ')}`);
  return faults[0] ?? '';
}

function faultsOf(files: Readonly<Record<string, string>>): string[] {
  const root = mkdtempSync(join(tmpdir(), 'tidy-'));
  try {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    return tidy(root);
  } finally {
    rmSync(root, { recursive: true });
  }
}

test('Tidy has nothing to say about a tidy tree', () => {
  const files = {
    'src/base/text.ts': 'export const dash = (a: string): string => `-${a}`;\n',
    'src/client/client.ts': "import { dash } from '../base/text.ts';\nexport const name = dash('a');\n",
    'src/cli/apply.ts': "import { parse } from 'yaml';\nexport const read = parse;\n",
    'src/host/clock.ts': 'export const now = (): number => Date.now();\n',
    'src/main/up.ts': "import '../host/clock.ts';\nimport '../cli/apply.ts';\nimport '../client/client.ts';\n",
  };
  deepEqual(faultsOf(files), []);
});

test('Tidy catches an import from a higher floor and asks for a port', () => {
  const files = { 'src/base/text.ts': "import type { Key } from '../api/object.ts';\nexport type Name = Key;\n" };
  match(faultOf(files), /^src\/base\/text\.ts:1: base\/ \(floor 0\) imports api\/ from floor 1 .*declare a port/);
});

test('Tidy catches an import between siblings and sends it to a lower floor or to main', () => {
  const files = { 'src/agent/agent.ts': "export { table } from '../network/table.ts';\n" };
  match(faultOf(files), /agent\/ imports its sibling network\/; move what both need to a lower floor, or join .* main/);
});

test('Tidy catches a sibling named by import() and by an imported type', () => {
  match(faultOf({ 'src/sim/a.ts': "export const late = () => import('../host/env.ts');\n" }), /sibling host\//);
  match(faultOf({ 'src/sim/b.ts': "export type Env = import('../host/env.ts').Env;\n" }), /sibling host\//);
});

test('Tidy catches a controller that goes through the door of the store and points to the client', () => {
  const files = {
    'src/controllers/job.ts': "import type { Store } from '../store/store.ts';\nexport type S = Store;\n",
  };
  match(faultOf(files), /door is open only to server, host, sim, main; ask through client\/client\.ts/);
});

test('Tidy catches a command that goes through the door of the server and points to Transport', () => {
  const files = { 'src/cli/get.ts': "import { serve } from '../server/server.ts';\nexport const s = serve;\n" };
  match(faultOf(files), /door is open only to host, sim, main; take a Transport/);
});

test('Tidy lets a test through a door and up to the simulator, never to the machine', () => {
  const through = "import { serve } from '../server/server.ts';\nserve();\n";
  deepEqual(faultsOf({ 'src/machinery/cache.test.ts': through }), []);
  deepEqual(faultsOf({ 'src/machinery/queue.test.ts': "import { c } from '../sim/clock.ts';\nc();\n" }), []);
  match(faultOf({ 'src/machinery/queue.test.ts': "import { c } from '../host/clock.ts';\nc();\n" }), /declare a port/);
});

test('Tidy catches a device imported by a pure folder and asks for a port', () => {
  const files = { 'src/scheduler/schedule.ts': "import { readFileSync } from 'node:fs';\nexport { readFileSync };\n" };
  match(faultOf(files), /scheduler\/ is pure and imports node:fs; declare a port and implement it in host\//);
});

test('Tidy catches a package that is not on the list of its folder', () => {
  const files = { 'src/api/patch.ts': "import { parse } from 'yaml';\nexport { parse };\n" };
  match(faultOf(files), /api\/ may not use the package yaml; write it here, or, if it is pure, name it for api/);
  const scoped = { 'src/api/patch.ts': "export * from '@scope/name/part';\n" };
  match(faultOf(scoped), /may not use the package @scope\/name;/);
});

const banned: readonly (readonly [string, RegExp])[] = [
  ['setTimeout(() => {}, 1);', /setTimeout does not exist in store\/; use env\.clock\.after/],
  ['export const now = Date.now();', /Date\.now does not exist in store\/; use env\.clock\.now/],
  ['export const now = new Date();', /new Date\(\) reads the clock; use env\.clock\.now/],
  ['export const dice = Math.random();', /Math\.random does not exist in store\/; use a fork of env\.random/],
  ['export const stop = (signal: AbortSignal): void => void signal;', /AbortSignal .* use Stop of base\/stop\.ts/],
  ['export const folder = process.cwd();', /process does not exist in store\/; use a port/],
  ["export const bytes = Buffer.from('a');", /Buffer .* use Uint8Array, TextEncoder/],
  ["export const page = fetch('http://a');", /fetch .* use a Transport/],
  ["console.log('a');", /console .* use env\.log/],
  ["export const order = 'a'.localeCompare('b');", /localeCompare .* use compareText of base\/text\.ts/],
  ['export const held = new WeakRef({});', /WeakRef .* not deterministic/],
  ['export const all = globalThis;', /globalThis .* use an import or Env/],
];
for (const [source, advice] of banned)
  test(`Tidy catches \`${source}\` on a pure floor and says what to use`, () => {
    match(faultOf({ 'src/store/memory.ts': `${source}\n` }), advice);
  });

test('Tidy lets a test of a pure folder measure, never sleep or draw chance', () => {
  deepEqual(faultsOf({ 'src/store/a.test.ts': 'console.log(performance.now(), process.argv);\n' }), []);
  match(faultOf({ 'src/store/b.test.ts': 'setTimeout(() => {}, 5);\n' }), /setTimeout .* use env\.clock\.after/);
  match(faultOf({ 'src/store/c.test.ts': 'Math.random();\n' }), /Math\.random .* use a fork of env\.random/);
});

test('Tidy does not take a member, a key or a parameter for the global of that name', () => {
  const source = [
    'interface Pod { readonly process: number; readonly fetch: () => void }',
    'export const read = (pod: Pod, crypto: number): number => pod.process + crypto;',
    'export const made = { process: 1, performance: 2 };',
    'export const printed = (at: number): string => new Date(at).toISOString();',
    '',
  ];
  deepEqual(faultsOf({ 'src/main/start.ts': "import '../api/a.ts';\n", 'src/api/a.ts': source.join('\n') }), []);
});

test('Tidy catches a long file, a long function, a long line and a fifth parameter', () => {
  const statement = '  void 0;\n';
  match(faultOf({ 'src/host/a.ts': 'void 0;\n'.repeat(501) }), /501 lines; split it by idea into files of at most 500/);
  const long = `export function act(): void {\n${statement.repeat(69)}}\n`;
  match(faultOf({ 'src/host/a.ts': long }), /a\.ts:1: act has 71 lines; give its steps names, at most 70/);
  match(faultOf({ 'src/host/a.ts': `// ${'x'.repeat(118)}\n` }), /a\.ts:1: 121 columns; break it at 120/);
  const five = 'export const act = (a: 1, b: 1, c: 1, d: 1, e: 1): number => a + b + c + d + e;\n';
  match(faultOf({ 'src/host/a.ts': five }), /act takes 5 parameters; after 4 pass one options object/);
});

test('Tidy measures a suite of tests without the tests inside it', () => {
  const cases = "  test('a', () => {\n    void 0;\n  });\n".repeat(60);
  deepEqual(faultsOf({ 'tools/a.test.ts': `suite('all', () => {\n${cases}});\n` }), [
    'tools/a.test.ts:1: a function has 122 lines; give its steps names, at most 100 lines each',
  ]);
  deepEqual(faultsOf({ 'tools/a.test.ts': `suite('all', () => {\n${cases.slice(0, cases.length / 2)}});\n` }), []);
});

test('Tidy leaves the size of generated tables alone', () => {
  const files = { 'src/api/schema/tables/core.ts': `export const table = '${'x'.repeat(500)}';\n`.repeat(1) };
  deepEqual(faultsOf({ 'src/main/start.ts': "import '../api/schema/tables/core.ts';\n", ...files }), []);
});

test('Tidy catches a dead file, and the test beside it does not bring it to life', () => {
  const files = { 'src/base/heap.ts': 'export {};\n', 'src/base/heap.test.ts': "import './heap.ts';\n" };
  deepEqual(faultsOf(files), [
    'src/base/heap.ts: nothing imports it (its own test does not count); use it or delete it',
  ]);
});

test('Tidy takes a file that is started by its name for alive', () => {
  const main = "export const shim = new URL('../host/shim.ts', import.meta.url);\n";
  deepEqual(faultsOf({ 'src/main/start.ts': main, 'src/host/shim.ts': 'export {};\n' }), []);
});

test('Tidy catches a folder on no floor and a file outside every folder', () => {
  match(faultOf({ 'src/attic/box.ts': 'export {};\n' }), /the folder src\/attic is on no floor; use one of base, api/);
  match(faultOf({ 'src/box.ts': 'export {};\n' }), /lives in a folder of a floor; move it into one of base, api/);
});

test('Tidy catches an import from outside the sources', () => {
  const files = { 'src/host/log.ts': "import '../../tools/rules.ts';\n" };
  match(faultOf(files), /imports tools\/rules\.ts from outside src\/; move what it needs into src\//);
});

test('Tidy catches names that say nothing and names that are not kebab-case', () => {
  for (const name of ['utils', 'helpers', 'common', 'types', 'index'])
    match(
      faultOf({ [`src/host/${name}.ts`]: 'export {};\n' }),
      new RegExp(`'${name}' says nothing about what is inside`),
    );
  match(faultOf({ 'src/host/utils/clock.ts': 'export {};\n' }), /'utils' says nothing/);
  match(faultOf({ 'src/host/podPlan.ts': 'export {};\n' }), /name the file in kebab-case/);
});
