import assert from 'node:assert/strict';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readKubeconfig } from './kubeconfig-file.ts';
import { writePrivateFile } from './private-file.ts';

const home = mkdtempSync(join(tmpdir(), 'private-'));
after(() => rmSync(home, { recursive: true, force: true }));
const posix = { skip: process.platform === 'win32' && 'rights of files are others there' };

test('a private file is for its owner only, in a folder for its owner only', posix, () => {
  const path = join(home, 'new', 'file');
  writePrivateFile(path, 'secret');
  assert.equal(readFileSync(path, 'utf8'), 'secret');
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(statSync(join(home, 'new')).mode & 0o777, 0o700);
});

test('a link that stands where a private file goes is replaced, and what it leads to stays as it is', posix, () => {
  const victim = join(home, 'victim');
  writeFileSync(victim, 'mine', { mode: 0o644 });
  const path = join(home, 'config');
  symlinkSync(victim, path);
  writePrivateFile(path, 'secret');
  assert.equal(readFileSync(victim, 'utf8'), 'mine');
  assert.equal(lstatSync(path).isSymbolicLink(), false);
  assert.equal(lstatSync(path).mode & 0o777, 0o600);
});

test('a link that waits for the draft of a private file gets nothing of it', posix, () => {
  const victim = join(home, 'victim-of-draft');
  writeFileSync(victim, 'mine');
  const path = join(home, 'other');
  symlinkSync(victim, `${path}.${process.pid}.tmp`);
  writePrivateFile(path, 'secret');
  assert.equal(readFileSync(victim, 'utf8'), 'mine');
  assert.equal(readFileSync(path, 'utf8'), 'secret');
});

test('a folder where a private file goes is an error, and nothing is left beside it', () => {
  const path = join(home, 'folder');
  mkdirSync(join(path, 'inner'), { recursive: true });
  assert.throws(() => writePrivateFile(path, 'secret'));
  assert.deepEqual(
    readdirSync(home).filter((name) => name.endsWith('.tmp')),
    [],
  );
});

test(
  'a kubeconfig that leads round in a circle, or to a file that is not there, is an error that names it',
  posix,
  () => {
    const circle = join(home, 'circle');
    symlinkSync(circle, circle);
    assert.throws(() => readKubeconfig(circle), /kubeconfig .*circle: read .*circle/);
    const naming = join(home, 'naming');
    const cluster = { name: 'c', cluster: { server: 'https://x:1', 'certificate-authority': 'gone/ca.crt' } };
    const context = { name: 'c', context: { cluster: 'c', user: 'u' } };
    const user = { name: 'u', user: {} };
    const config = { 'current-context': 'c', clusters: [cluster], contexts: [context], users: [user] };
    writeFileSync(naming, JSON.stringify(config));
    assert.throws(() => readKubeconfig(naming), /kubeconfig .*naming: read .*gone\/ca\.crt/);
  },
);
