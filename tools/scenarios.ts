import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { playScenario } from '../src/sim/scenario.ts';

// Plays every golden scenario over both transports and compares the whole answer. `--update` writes what is answered
// now: read the difference before you commit it. Words pick scenarios by name.
const root = join(import.meta.dirname, '..');
const update = process.argv.includes('--update');
const wanted = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const files = globSync('scenarios/*.txt', { cwd: root })
  .sort()
  .filter((file) => wanted.length === 0 || wanted.some((word) => file.includes(word)));
const drain = () => new Promise<void>((resolve) => process.nextTick(resolve));

let failed = 0;
for (const file of files) {
  const name = basename(file, '.txt');
  const path = join(root, file);
  for (const encoded of [false, true]) {
    const expected = readFileSync(path, 'utf8');
    const actual = await playScenario(expected, { name, drain, encoded });
    if (actual === expected) continue;
    if (update && !encoded) {
      writeFileSync(path, actual);
      console.log(`${name}: updated`);
      continue;
    }
    failed++;
    console.log(`${name} (${encoded ? 'encoded' : 'direct'}) answers something else:\n${difference(expected, actual)}`);
  }
}
console.log(`${files.length} scenarios over two transports, ${failed} failed`);
process.exitCode = failed > 0 || files.length === 0 ? 1 : 0;

/** The first line that differs, with some of what follows. */
function difference(expected: string, actual: string): string {
  const [left, right] = [expected.split('\n'), actual.split('\n')];
  const at = right.findIndex((line, index) => line !== left[index]);
  const from = at < 0 ? Math.min(left.length, right.length) : at;
  const cut = (lines: readonly string[], mark: string) =>
    lines.slice(from, from + 8).map((line) => `  ${mark} ${from + 1}: ${line}`);
  return [...cut(left, '-'), ...cut(right, '+')].join('\n');
}
