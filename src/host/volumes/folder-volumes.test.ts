import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { MountError } from '../../agent/volumes.ts';
import { FolderVolumes } from './folder-volumes.ts';
import { canMount, mountsBelow } from './mounts.ts';

const home = mkdtempSync(join(tmpdir(), 'volumes-'));
const volumes = new FolderVolumes(home);
const isRoot = process.getuid?.() === 0;
const file = (path: string, text: string, mode = 0o644) => ({ path, bytes: Buffer.from(text), mode });
const shown = (folder: string) => readdirSync(folder).filter((name) => !name.startsWith('..'));
const current = (folder: string) => readlinkSync(join(folder, '..data'));

after(async () => {
  for (const pod of await volumes.held()) await volumes.release(pod);
  rmSync(home, { recursive: true });
});

test('FolderVolumes releases a pod after the last of what is being written for it', async () => {
  const files = Array.from({ length: 40 }, (_, number) => file(`f${number}`, 'x'));
  const writing = volumes.folder('p0', 'token', { files });
  await volumes.release('p0');
  await writing;
  assert.ok(!(await volumes.held()).includes('p0'));
});

test('FolderVolumes keeps what a pod wrote as long as the pod is not released', async () => {
  const folder = await volumes.folder('p1', 'scratch');
  assert.equal(statSync(folder).mode & 0o777, 0o777);
  writeFileSync(join(folder, 'kept'), 'x');
  assert.equal(await volumes.folder('p1', 'scratch'), folder);
  assert.ok(existsSync(join(folder, 'kept')));
  await volumes.release('p1');
  assert.ok(!existsSync(folder));
  await volumes.release('p1');
});

test('FolderVolumes holds exactly the files that are given, with their modes', async () => {
  const folder = await volumes.folder('p2', 'settings', { files: [file('a', '1'), file('deep/b', '2', 0o400)] });
  assert.deepEqual(shown(folder).sort(), ['a', 'deep']);
  assert.equal(readFileSync(join(folder, 'deep', 'b'), 'utf8'), '2');
  assert.equal(statSync(join(folder, 'deep', 'b')).mode & 0o777, 0o400);
  await volumes.folder('p2', 'settings', { files: [file('a', '3'), file('c', '4')] });
  assert.deepEqual(shown(folder).sort(), ['a', 'c']);
  assert.equal(readFileSync(join(folder, 'a'), 'utf8'), '3');
  // What everything points through, and what it points to: nothing of the old files stays.
  assert.equal(readdirSync(folder).filter((name) => name.startsWith('..')).length, 2);
});

test('FolderVolumes replaces all files at once: a reader sees the old ones or the new ones', async () => {
  const both = (text: string) => ({ files: [file('a', text), file('b', text)] });
  const folder = await volumes.folder('p3', 'pair', both('0'));
  let writing = true;
  const written = (async () => {
    for (let round = 1; round <= 30; round++) await volumes.folder('p3', 'pair', both(String(round)));
    writing = false;
  })();
  let seen = 0;
  while (writing) {
    const version = join(folder, current(folder));
    await new Promise((resolve) => setImmediate(resolve));
    if (!existsSync(version)) continue;
    try {
      assert.equal(readFileSync(join(version, 'a'), 'utf8'), readFileSync(join(version, 'b'), 'utf8'));
      seen++;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  await written;
  assert.ok(seen > 0);
  assert.equal(readFileSync(join(folder, 'b'), 'utf8'), '30');
});

test('FolderVolumes writes nothing where nothing has changed', async () => {
  const wish = { files: [file('a', '1')] };
  const folder = await volumes.folder('p4', 'same', wish);
  const before = current(folder);
  await volumes.folder('p4', 'same', wish);
  assert.equal(current(folder), before);
});

test('FolderVolumes refuses files that would lie outside the volume', async () => {
  for (const path of ['../x', '/etc/x', 'a/../b', '..data']) {
    await assert.rejects(volumes.folder('p5', 'bad', { files: [file(path, '')] }), MountError);
  }
  await assert.rejects(volumes.folder('../p5', 'bad'), /is no name/);
});

test('FolderVolumes finds a path inside a volume, made where it is missing', async () => {
  const folder = await volumes.folder('p6', 'data');
  const inside = await volumes.inside(folder, { pod: 'p6', mount: 'c-0', path: 'new/deep' });
  writeFileSync(join(inside, 'x'), '1');
  assert.equal(readFileSync(join(folder, 'new', 'deep', 'x'), 'utf8'), '1');
  const settings = await volumes.folder('p6', 'settings', { files: [file('key', 'value')] });
  const one = await volumes.inside(settings, { pod: 'p6', mount: 'c-1', path: 'key' });
  assert.equal(readFileSync(one, 'utf8'), 'value');
  await volumes.release('p6');
  assert.ok(!existsSync(folder));
  assert.deepEqual(await mountsBelow(home), []);
});

test('FolderVolumes lets no link lead out of a volume', async () => {
  const folder = await volumes.folder('p7', 'data');
  const secret = join(home, 'secret');
  mkdirSync(secret);
  symlinkSync(secret, join(folder, 'link'));
  symlinkSync('../../..', join(folder, 'up'));
  for (const path of ['link', 'link/made', 'up', '../p7', 'a/../../x']) {
    await assert.rejects(volumes.inside(folder, { pod: 'p7', mount: 'c-0', path }), /leads out of its volume/);
  }
  assert.deepEqual(readdirSync(secret), []);
});

test('FolderVolumes pins a path: a link that is put there later changes nothing', { skip: !canMount }, async () => {
  const folder = await volumes.folder('p8', 'data');
  const inside = await volumes.inside(folder, { pod: 'p8', mount: 'c-0', path: 'sub' });
  writeFileSync(join(inside, 'x'), 'mine');
  execFileSync('mv', [join(folder, 'sub'), join(folder, 'moved')]);
  symlinkSync('/etc', join(folder, 'sub'));
  assert.deepEqual(readdirSync(inside), ['x']);
  await volumes.release('p8');
});

test('FolderVolumes keeps a volume in memory up to its limit', { skip: !canMount }, async () => {
  const folder = await volumes.folder('p9', 'memory', { memory: true, bytesMax: 64 * 1024 });
  assert.deepEqual(await mountsBelow(join(home, 'volumes', 'p9')), [folder]);
  assert.throws(() => writeFileSync(join(folder, 'big'), Buffer.alloc(128 * 1024)), /ENOSPC/);
  await volumes.folder('p9', 'memory', { memory: true });
  await volumes.release('p9');
  assert.deepEqual(await mountsBelow(home), []);
});

test('FolderVolumes gives a volume to the group of the pod', { skip: !isRoot && 'needs root' }, async () => {
  const folder = await volumes.folder('p10', 'data', { group: 4321 });
  const { gid, mode } = statSync(folder);
  assert.deepEqual([gid, mode & 0o2070], [4321, 0o2070]);
  const settings = await volumes.folder('p10', 'settings', { files: [file('key', '', 0o400)], group: 4321 });
  const found = statSync(join(settings, 'key'));
  assert.deepEqual([found.gid, found.mode & 0o777], [4321, 0o440]);
});

test('FolderVolumes looks what a path of the machine is', async () => {
  const path = join(home, 'here');
  assert.equal(await volumes.hostPath(path, 'DirectoryOrCreate'), path);
  assert.equal(await volumes.hostPath(path, 'Directory'), path);
  await assert.rejects(volumes.hostPath(path, 'File'), {
    message: `hostPath type check failed: ${path} is not a file`,
  });
  assert.equal(await volumes.hostPath(join(path, 'file'), 'FileOrCreate'), join(path, 'file'));
  await assert.rejects(volumes.hostPath(join(home, 'none'), 'Directory'), MountError);
  assert.equal(await volumes.hostPath(home, ''), home);
});
