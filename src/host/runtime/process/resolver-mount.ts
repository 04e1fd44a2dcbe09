import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SandboxSpec } from '../../../agent/runtime.ts';
import { resolverFileText } from '../../../network/resolv-conf.ts';
import type { PodFolder } from './record.ts';

const tryWithinMs = 2_000;
const machineFile = '/etc/resolv.conf';
let able: boolean | undefined;

/**
 * Whether processes here can have mounts of their own: on Linux, as root, where nothing around us forbids it. Looked
 * at once.
 */
export function canMount(): boolean {
  able ??= process.platform === 'linux' && process.getuid?.() === 0 && tried();
  return able;
}

function tried(): boolean {
  try {
    execFileSync('unshare', [...alone, 'true'], { timeout: tryWithinMs, stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** What is mounted later on the machine is seen in there, and nothing the other way round. */
const alone: readonly string[] = ['--mount', '--propagation', 'slave'];

/**
 * The usual file may be a link into a folder whose service replaces what is in it. Mounted over by itself it would come
 * back with the next change; so then the whole folder is mounted over. That also hides the sockets beside it by which a
 * C library would ask that service instead of reading the file.
 */
const mountScript = `
own=$1; shift
usual=$(readlink -f /etc/resolv.conf || echo /etc/resolv.conf)
case $usual in
  /etc/*) mount --bind "$own" "$usual" ;;
  *) cp "$own" "\${own%/*}/\${usual##*/}" 2>/dev/null; mount --bind "\${own%/*}" "\${usual%/*}" ;;
esac || echo "names of the cluster are not found in here" >&2
exec "$@"`;

/** Words that run others where the pod's own resolver file is the usual one. Nothing where the pod has none. */
export function withOwnNames(folder: PodFolder, { dns }: SandboxSpec): readonly string[] {
  return dns.servers.length === 0 || !canMount() ? [] : withResolverFile(folder.path, dns);
}

/** Words that run others, as root, with this resolver file, which is kept in that folder. */
export function withResolverFile(folder: string, dns: SandboxSpec['dns']): readonly string[] {
  const names = join(folder, 'names');
  mkdirSync(names, { recursive: true });
  const file = join(names, 'resolv.conf');
  writeFileSync(file, resolverFileText(dns));
  // Whoever the pod's processes run as: they reach it by the mount alone.
  chmodSync(names, 0o755);
  chmodSync(file, 0o644);
  return ['unshare', ...alone, 'sh', '-c', mountScript, 'sh', file];
}

/**
 * A machine that replaces its own file by renaming takes what is mounted over it away, in every pod: this changes with
 * each such replacement.
 */
export function machineFileId(): string {
  try {
    const { dev, ino } = statSync(machineFile);
    return `${dev} ${ino}`;
  } catch {
    return '';
  }
}

/** Mounts the file of the pod in which this process lives once more, where it is not to be seen any longer. */
export function mountAgain(pid: number, folder: PodFolder): void {
  const own = join(folder.path, 'names', 'resolv.conf');
  try {
    if (readFileSync(`/proc/${pid}/root${machineFile}`, 'utf8') === readFileSync(own, 'utf8')) return;
  } catch {
    // The pod is about to end, or the machine has no such file for a moment: there is nothing to mount it over.
    return;
  }
  execFile('nsenter', [`--mount=/proc/${pid}/ns/mnt`, 'sh', '-c', mountScript, 'sh', own, 'true'], () => {});
}

/** Words that run others where this process, which was run by the words above, is: its mounts, that folder, that user. */
export function besides(
  pid: number,
  place: { readonly folder: string; readonly user?: number; readonly group?: number },
): readonly string[] {
  const user = place.user === undefined ? [] : ['--reuid', String(place.user)];
  const group = place.group === undefined ? [] : ['--regid', String(place.group)];
  const change = [...user, ...group].length > 0 ? ['setpriv', '--clear-groups', ...user, ...group, '--'] : [];
  // The folder is entered as who we are: the pod's user may see it and not the way to it.
  return ['nsenter', `--mount=/proc/${pid}/ns/mnt`, 'sh', '-c', 'cd "$0" && exec "$@"', place.folder, ...change];
}
