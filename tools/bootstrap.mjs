// Makes a fresh clone able to run anything: installs what package-lock.json names, makes sure that Node 26 is really
// there, builds when asked, and then runs the command with that Node first in PATH. It runs on whatever Node the machine
// has (20 or later), before anything is installed: so plain JavaScript and no dependency.
//   node tools/bootstrap.mjs [--build] COMMAND [ARGUMENT...]
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, 'node_modules');
const windows = process.platform === 'win32';
const wantedMajor = Number(
  JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).devDependencies.node.split('.')[0],
);
const projects = ['tsconfig.main.json', 'tsconfig.dashboard.json'];

const words = process.argv.slice(2);
const build = words[0] === '--build';
if (build) words.shift();

install();
const node = nodeOfTheRepository();
process.env.PATH = [dirname(node), join(modules, '.bin'), process.env.PATH ?? ''].join(delimiter);
if (build) {
  run(node, [join(modules, 'typescript', 'bin', 'tsc'), '-b', ...projects], 'the build failed');
  run(node, [join(root, 'tools', 'descriptions.ts')], 'packing descriptions failed');
}
if (words.length > 0) process.exitCode = start(words[0] === 'node' ? node : words[0], words.slice(1)).status ?? 1;

function install() {
  const lock = createHash('sha256').update(read('package-lock.json')).digest('hex');
  const stamp = join(modules, '.installed-lock');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  if (!isNewer(join(modules, '.package-lock.json'), join(root, 'package-lock.json'))) {
    process.stderr.write('Installing what package-lock.json names (once; about 60 MB for Node alone)...\n');
    npm(['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  }
  writeFileSync(stamp, lock);
}

// npm writes its own record of an installation a moment before or after the lockfile: two seconds are the same moment.
function isNewer(record, lockfile) {
  return existsSync(record) && statSync(record).mtimeMs >= statSync(lockfile).mtimeMs - 2000;
}

// npm may have been told not to run install scripts, and then the `node` package has no binary yet.
function nodeOfTheRepository() {
  const binary = join(modules, 'node', 'bin', windows ? 'node.exe' : 'node');
  if (majorOf(binary) !== wantedMajor) {
    const folder = join(modules, 'node');
    if (existsSync(join(folder, 'installArchSpecificPackage.js'))) {
      process.stderr.write(`Fetching Node ${wantedMajor}...\n`);
      spawnSync(process.execPath, ['installArchSpecificPackage.js'], {
        cwd: folder,
        stdio: ['ignore', 2, 2],
        env: bare(),
      });
    }
  }
  if (majorOf(binary) === wantedMajor) {
    // npm links no command whose file is not there yet.
    const link = join(modules, '.bin', 'node');
    if (!windows && !existsSync(link)) symlinkSync(join('..', 'node', 'bin', 'node'), link);
    return binary;
  }
  if (Number(process.versions.node.split('.')[0]) >= wantedMajor) return process.execPath;
  return fail(`Node ${wantedMajor} could not be fetched for this machine; install it yourself and run this again`);
}

function majorOf(binary) {
  if (!existsSync(binary)) return 0;
  const answer = spawnSync(binary, ['-p', 'process.versions.node'], { encoding: 'utf8' });
  return answer.status === 0 ? Number(answer.stdout.split('.')[0]) : 0;
}

// The npm that started us, so that its version and settings are the user's; by name when something else started us.
function npm(arguments_) {
  const self = process.env.npm_execpath ?? '';
  if (basename(self) === 'npm-cli.js') run(process.execPath, [self, ...arguments_], 'npm ci failed');
  else run('npm', arguments_, 'npm ci failed');
}

// A folder of its own for the inner `npm install`: what npm told us about this repository must not reach it.
function bare() {
  const kept = Object.entries(process.env).filter(([name]) => !/^npm_(package|lifecycle|config_local)/.test(name));
  return Object.fromEntries(kept);
}

function run(file, arguments_, complaint) {
  const done = start(file, arguments_, ['ignore', 2, 2]);
  if (done.status !== 0) fail(complaint);
}

function start(file, arguments_, stdio = 'inherit') {
  return spawnSync(file, arguments_, { cwd: root, stdio, shell: windows && file === 'npm' });
}

function read(name) {
  return readFileSync(join(root, name), 'utf8');
}

function fail(complaint) {
  process.stderr.write(`${complaint}\n`);
  process.exit(1);
}
