import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { reasonStatus } from '../src/api/error.ts';
import { bannedMembers, bannedMethods, bannedNames, doors, floors, limits, purePackages } from './rules.ts';

// Documentation that can be made from the code is: docs/generated/*. With --check nothing is written, and every file
// that a hand-written page names must exist.
const root = join(import.meta.dirname, '..');
const check = process.argv.includes('--check');
const handWritten = ['ARCHITECTURE.md', 'CONTRIBUTING.md', 'README.md'];
const architectureLinesMax = 300;

const pages: Readonly<Record<string, string>> = { 'errors.md': errorsPage(), 'house.md': housePage() };
const faults: string[] = [];
for (const [name, content] of Object.entries(pages)) {
  const path = join(root, 'docs', 'generated', name);
  if (!check) {
    mkdirSync(join(root, 'docs', 'generated'), { recursive: true });
    writeFileSync(path, content);
  } else if (!existsSync(path) || readFileSync(path, 'utf8') !== content)
    faults.push(`docs/generated/${name} is older than the code; run: npm run docs`);
}
for (const page of handWritten) faults.push(...missingFiles(page));
if (linesOf('ARCHITECTURE.md') > architectureLinesMax)
  faults.push(`ARCHITECTURE.md has more than ${architectureLinesMax} lines; it is the one page that everybody reads`);
for (const fault of faults) console.log(fault);
process.exitCode = faults.length === 0 ? 0 : 1;

/** Paths in backticks, and in the indented pictures, that look like files of ours and are not there. */
function missingFiles(page: string): string[] {
  const text = readFileSync(join(root, page), 'utf8');
  const named = new Set([...text.matchAll(/`([\w.-]+(?:\/[\w.-]+)*\/?)`/g)].map((match) => match[1] ?? ''));
  const bare = /(?<=^|[\s(])((?:src|tools|docs|e2e|examples)\/[\w./-]*\w)/gm;
  for (const match of text.matchAll(bare)) named.add(match[1] ?? '');
  const looksLikeFile = (name: string): boolean => /\.(ts|mjs|cjs|md|json)$/.test(name) || name.endsWith('/');
  const exists = (name: string): boolean => existsSync(join(root, name)) || existsSync(join(root, 'src', name));
  const missing = [...named].filter((name) => name.includes('/') && looksLikeFile(name) && !exists(name));
  return missing.map((name) => `${page} names ${name}, which does not exist`);
}

function linesOf(page: string): number {
  return readFileSync(join(root, page), 'utf8').split('\n').length;
}

function errorsPage(): string {
  const rows = Object.entries(reasonStatus).map(([reason, status]) => `| ${reason || '(none)'} | ${status} |`);
  return pageOf('Reasons of errors', 'src/api/error.ts', [
    'Every reason that the API answers with, and its HTTP status. The list is closed.',
    '',
    '| reason | status |',
    '|---|---|',
    ...rows,
  ]);
}

function housePage(): string {
  const banned = Object.entries({ ...bannedNames, ...bannedMembers, ...bannedMethods });
  return pageOf('The rules of the house', 'tools/rules.ts', [
    `A file has at most ${limits.fileLines} lines of at most ${limits.columns} columns, a function at most`,
    `${limits.functionLines} lines and ${limits.parameters} parameters. A folder imports only from lower floors.`,
    '',
    '| floor | folders |',
    '|---|---|',
    ...floors.map((folders, floor) => `| ${floor} | ${folders.join(', ')} |`).reverse(),
    '',
    '| door | open to | everybody else |',
    '|---|---|---|',
    ...Object.entries(doors).map(([name, { open, instead }]) => `| ${name} | ${open.join(', ')} | ${instead} |`),
    '',
    '| pure folder | packages it may use |',
    '|---|---|',
    ...Object.entries(purePackages).map(([name, packages]) => `| ${name} | ${packages.join(', ') || 'none'} |`),
    '',
    '| not in a pure folder | use |',
    '|---|---|',
    ...banned.map(([name, instead]) => `| \`${name}\` | ${instead} |`),
  ]);
}

function pageOf(title: string, source: string, lines: readonly string[]): string {
  const origin = `<!-- Made from ${source} by tools/docs.ts: change it there. -->`;
  return [`# ${title}`, '', origin, '', ...lines, ''].join('\n');
}
