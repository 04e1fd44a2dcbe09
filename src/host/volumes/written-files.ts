import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { MountError, type VolumeFile } from '../../agent/volumes.ts';
import { giveToGroup } from './group.ts';

/** What everything visible points through: replacing this one link replaces all files at once. */
const current = '..data';
const groupCanRead = 0o040;

/**
 * A folder that holds exactly these files. They are written beside the old ones; then one link is replaced by rename,
 * so that a reader sees all of the old files or all of the new ones. Names with two dots are ours.
 */
export async function writeAtomically(
  folder: string,
  files: readonly VolumeFile[],
  group: number | undefined,
): Promise<void> {
  for (const { path } of files) checkPath(path);
  const before = await readlink(join(folder, current)).catch(() => undefined);
  if (before !== undefined && (await holds(join(folder, before), files, group))) return;
  const next = await mkdtemp(`${folder}/..`);
  await chmod(next, 0o755);
  await writeAll(next, files, group);
  await replaceLink(basename(next), join(folder, current));
  await showExactly(folder, new Set(files.map(({ path }) => path.split('/')[0] as string)));
  for (const name of await readdir(folder)) {
    if (name.startsWith('..') && name !== current && name !== basename(next)) {
      await rm(join(folder, name), { recursive: true, force: true });
    }
  }
}

function checkPath(path: string): void {
  const parts = path.split('/');
  if (path === '' || parts.includes('') || parts.includes('.') || parts.some((part) => part.startsWith('..'))) {
    throw new MountError(`${JSON.stringify(path)} is no path inside a volume`);
  }
}

async function writeAll(folder: string, files: readonly VolumeFile[], group: number | undefined): Promise<void> {
  for (const { path, bytes } of files) {
    const file = join(folder, path);
    await mkdir(dirname(file), { recursive: true, mode: 0o755 });
    await writeFile(file, bytes);
  }
  await giveToGroup(folder, group, 'readable');
  for (const file of files) await chmod(join(folder, file.path), modeOf(file, group));
}

const modeOf = ({ mode }: VolumeFile, group: number | undefined): number =>
  group === undefined ? mode : mode | groupCanRead;

async function holds(folder: string, files: readonly VolumeFile[], group: number | undefined): Promise<boolean> {
  const there = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => undefined);
  if (there?.filter((entry) => entry.isFile()).length !== files.length) return false;
  for (const wanted of files) {
    const file = join(folder, wanted.path);
    const found = await stat(file).catch(() => undefined);
    if (!found || (found.mode & 0o777) !== (modeOf(wanted, group) & 0o777)) return false;
    if (!Buffer.from(wanted.bytes).equals(await readFile(file))) return false;
  }
  return true;
}

async function showExactly(folder: string, names: ReadonlySet<string>): Promise<void> {
  const there = (await readdir(folder)).filter((name) => !name.startsWith('..'));
  for (const name of there) if (!names.has(name)) await rm(join(folder, name), { recursive: true, force: true });
  for (const name of names) if (!there.includes(name)) await symlink(join(current, name), join(folder, name));
}

async function replaceLink(target: string, path: string): Promise<void> {
  const beside = `${path}_new`;
  await rm(beside, { force: true });
  await symlink(target, beside);
  await rename(beside, path);
}
