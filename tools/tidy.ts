import { existsSync, globSync, statSync } from 'node:fs';
import { posix } from 'node:path';
import { type ParsedFile, parseFiles } from './parse.ts';
import * as rules from './rules.ts';

/** Everything in the tree that breaks a rule of the house, each with what to do instead. */
export function tidy(root: string): string[] {
  const present = rules.sourceFolders.filter((folder) => existsSync(posix.join(root, folder)));
  const paths = present
    .flatMap((folder) => globSync(`${folder}/**/*.ts`, { cwd: root }))
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => statSync(posix.join(root, path)).isFile())
    .sort();
  const files = parseFiles(root, paths);
  return [
    ...files.flatMap((file) => [...nameFaults(file), ...floorFaults(file), ...purityFaults(file), ...sizeFaults(file)]),
    ...deadFiles(files),
  ];
}

function nameFaults({ path }: ParsedFile): string[] {
  const faults: string[] = [];
  const words = path.split('/');
  const file = words.pop() ?? '';
  for (const word of [...words, file.replace(/(\.(test|conformance|d))?\.ts$/, '')])
    if (rules.forbiddenNames.includes(word))
      faults.push(`${path}: '${word}' says nothing about what is inside; name it after its one idea`);
  if (!/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9-]+)?(\.(test|conformance|d))?\.ts$/.test(file))
    faults.push(`${path}: name the file in kebab-case, like pod-plan.ts`);
  return faults;
}

/** The folder below src/ and its floor; undefined outside src/. */
function room(path: string): { folder: string; floor: number } | undefined {
  const [top, folder, ...rest] = path.split('/');
  if (top !== 'src' || folder === undefined || rest.length === 0) return undefined;
  return { folder, floor: rules.floors.findIndex((floor) => floor.includes(folder)) };
}

function floorFaults(file: ParsedFile): string[] {
  const here = room(file.path);
  if (here === undefined) {
    if (!file.path.startsWith('src/') || file.path.endsWith('.d.ts')) return [];
    return [`${file.path}: a source file lives in a folder of a floor; move it into one of ${allFolders()}`];
  }
  if (here.floor < 0)
    return [
      `${file.path}: the folder src/${here.folder} is on no floor; ` +
        `use one of ${allFolders()}, or give it a floor in tools/rules.ts`,
    ];
  const faults: string[] = [];
  for (const { name, line } of file.imports) {
    if (!name.startsWith('.')) continue;
    const target = posix.join(posix.dirname(file.path), name);
    const fault = importFault(here, target, isTest(file.path));
    if (fault !== undefined) faults.push(`${file.path}:${line}: ${fault}`);
  }
  return faults;
}

function importFault(here: { folder: string; floor: number }, target: string, test: boolean): string | undefined {
  const there = room(target);
  if (there === undefined) {
    const inside = target.startsWith('src/') || (here.folder === 'main' && target === 'package.json') || test;
    return inside ? undefined : `imports ${target} from outside src/; move what it needs into src/`;
  }
  if (there.folder === here.folder || there.floor < 0) return undefined;
  // A test joins rooms as main/ does, the simulator's clock above all; it may not reach for the machine.
  if (test && !rules.machineFolders.includes(there.folder)) return undefined;
  if (there.floor > here.floor)
    return (
      `${here.folder}/ (floor ${here.floor}) imports ${there.folder}/ from floor ${there.floor} above it; ` +
      'declare a port here and let the upper floor implement it, or move the code down'
    );
  if (there.floor === here.floor)
    return (
      `${here.folder}/ imports its sibling ${there.folder}/; ` +
      'move what both need to a lower floor, or join them in main/'
    );
  const door = rules.doors[there.folder];
  if (door === undefined || test || door.open.includes(here.folder)) return undefined;
  const guests = door.open.join(', ');
  return `${here.folder}/ reaches into ${there.folder}/, whose door is open only to ${guests}; ${door.instead}`;
}

function purityFaults(file: ParsedFile): string[] {
  const here = room(file.path);
  const packages = here === undefined ? undefined : rules.purePackages[here.folder];
  if (here === undefined || packages === undefined) return [];
  const faults: string[] = [];
  const say = (line: number, what: string): void => void faults.push(`${file.path}:${line}: ${what}`);
  if (!isTest(file.path))
    for (const { name, line } of file.imports) {
      const fault = packageFault(here.folder, name, packages);
      if (fault !== undefined) say(line, fault);
    }
  const banned = isTest(file.path) ? (name: string) => rules.bannedInTests.includes(name) : () => true;
  for (const { name, line } of file.globals) {
    const instead = own(rules.bannedNames, name);
    if (instead !== undefined && banned(name)) say(line, `${name} does not exist in ${here.folder}/; use ${instead}`);
  }
  for (const { name, line } of file.members) {
    const instead = own(rules.bannedMembers, name) ?? own(rules.bannedMethods, name.slice(1));
    if (instead !== undefined && banned(name)) say(line, `${name} does not exist in ${here.folder}/; use ${instead}`);
  }
  for (const { line } of isTest(file.path) ? [] : file.clockReads)
    say(line, 'new Date() reads the clock; use env.clock.now, and new Date(thatTime) to print it');
  return faults;
}

function packageFault(folder: string, name: string, packages: readonly string[]): string | undefined {
  if (name.startsWith('.')) return undefined;
  if (name.startsWith('node:'))
    return (
      `${folder}/ is pure and imports ${name}; ` +
      'declare a port and implement it in host/ (time, chance and log come from Env)'
    );
  const wanted = name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/');
  if (packages.includes(wanted)) return undefined;
  return (
    `${folder}/ may not use the package ${wanted}; ` +
    `write it here, or, if it is pure, name it for ${folder} in tools/rules.ts`
  );
}

function sizeFaults(file: ParsedFile): string[] {
  if (rules.generated.some((folder) => file.path.startsWith(folder))) return [];
  const { fileLines, functionLines, testLines, columns, parameters } = rules.limits;
  const faults: string[] = [];
  const lines = file.text.split('\n');
  const count = lines.at(-1) === '' ? lines.length - 1 : lines.length;
  if (count > fileLines)
    faults.push(`${file.path}: ${count} lines; split it by idea into files of at most ${fileLines}`);
  lines.forEach((line, index) => {
    const length = lengthOf(line);
    if (length > columns) faults.push(`${file.path}:${index + 1}: ${line.length} columns; break it at ${columns}`);
  });
  const suite = isTest(file.path);
  for (const size of file.functions) {
    const where = `${file.path}:${size.line}: ${size.name}`;
    const length = suite ? size.ownLines : size.lines;
    const most = suite ? testLines : functionLines;
    if (length > most) faults.push(`${where} has ${length} lines; give its steps names, at most ${most} lines each`);
    if (size.parameters > parameters)
      faults.push(`${where} takes ${size.parameters} parameters; after ${parameters} pass one options object`);
  }
  return faults;
}

/** Columns, but for the sentences in it: a message stays in one piece, so that whoever reads it can search for it. */
const lengthOf = (line: string): number =>
  line.replaceAll(/'[^']{20,}'|`[^`]{20,}`|"[^"]{20,}"|\/(\\.|[^/\\]){20,}\//g, "''").length;

/** A file is alive when something other than its own test names it. */
function deadFiles(files: readonly ParsedFile[]): string[] {
  const named = new Map<string, Set<string>>();
  for (const file of files)
    for (const name of [...file.imports.map((mention) => mention.name), ...file.fileStrings]) {
      if (!name.startsWith('.')) continue;
      const target = posix.join(posix.dirname(file.path), name).replace(/\.js$/, '.ts');
      named.set(target, (named.get(target) ?? new Set()).add(file.path));
    }
  const dead = files.filter(({ path }) => {
    if (!path.startsWith('src/') || isTest(path)) return false;
    if (path.endsWith('.d.ts') || rules.entries.some((entry) => path.startsWith(entry))) return false;
    const ownTest = path.replace(/\.ts$/, '.test.ts');
    return [...(named.get(path) ?? [])].every((from) => from === ownTest);
  });
  return dead.map(({ path }) => `${path}: nothing imports it (its own test does not count); use it or delete it`);
}

/** A suite that several implementations pass is a test that lies beside the port. */
const isTest = (path: string): boolean => /\.(test|conformance)\.ts$/.test(path);
const allFolders = (): string => rules.floors.flat().join(', ');
const own = (table: Readonly<Record<string, string>>, name: string): string | undefined =>
  Object.hasOwn(table, name) ? table[name] : undefined;

if (import.meta.main) {
  const faults = tidy(posix.join(import.meta.dirname, '..'));
  for (const fault of faults) console.log(fault);
  console.log(faults.length === 0 ? 'tidy: nothing to do' : `tidy: ${faults.length} to do`);
  process.exitCode = faults.length === 0 ? 0 : 1;
}
