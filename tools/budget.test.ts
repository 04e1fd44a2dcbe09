import { ok } from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { globSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';

// What a user installs: small enough to be tried without a thought, and few enough packages to be read.
const root = join(import.meta.dirname, '..');
const maximumBytes = 15e6;
const maximumPackages = 25;

interface Lock {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly optional?: boolean }>>;
}
interface Packed {
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string }[];
}

/** The folders of everything that is installed beside the package itself. */
function installed(): readonly string[] {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as Lock;
  const wanted = Object.entries(packages).filter(([path, { dev, optional }]) => path !== '' && !dev && !optional);
  return wanted.map(([path]) => path);
}

/** What `npm publish` would send of the files that are built now. */
function packed(): Packed {
  const words = ['pack', '--dry-run', '--json', '--ignore-scripts'];
  const npm = process.env['npm_execpath'] ?? '';
  const options = {
    cwd: root,
    encoding: 'utf8' as const,
    stdio: ['ignore' as const, 'pipe' as const, 'ignore' as const],
  };
  const output =
    basename(npm) === 'npm-cli.js'
      ? execFileSync(process.execPath, [npm, ...words], options)
      : execFileSync('npm', words, { ...options, shell: process.platform === 'win32' });
  const answer = JSON.parse(output) as readonly Packed[] | Readonly<Record<string, Packed>>;
  // Newer versions of npm answer by name of package, older ones a list.
  const [first] = Object.values(answer);
  if (!first) throw new Error(`npm pack named no package: ${output}`);
  return first;
}

test('A user installs no more packages than the budget allows.', () => {
  const count = installed().length + 1;
  ok(count <= maximumPackages, `${count} packages, ${maximumPackages} are allowed: ${installed().join(', ')}`);
});

test('What a user installs fits into the budget of bytes.', () => {
  const files = installed().flatMap((path) => globSync('**/*', { cwd: join(root, path), withFileTypes: true }));
  const dependencies = files
    .filter((file) => file.isFile())
    .reduce((sum, file) => sum + statSync(join(file.parentPath, file.name)).size, 0);
  const bytes = dependencies + packed().unpackedSize;
  ok(bytes <= maximumBytes, `${(bytes / 1e6).toFixed(1)} MB, ${maximumBytes / 1e6} MB are allowed`);
});

test('The package holds the built program and nothing of its tests, its sources or the compiler.', () => {
  const wanted =
    /^(package\.json|README\.md|LICENSE|CHANGELOG\.md|bin\/.*\.cjs|out\/.*\.(js|d\.ts|html|css|svg|json|json\.br))$/;
  const ofTests = /\.(test|conformance|test-data)\./;
  const strange = packed().files.filter(({ path }) => !wanted.test(path) || ofTests.test(path));
  ok(strange.length === 0, `not for users: ${strange.map(({ path }) => path).join(', ')}`);
});
