import { readFileSync, rmdirSync, writeFileSync } from 'node:fs';

// Small, because every shim loads it.

/** The groups that hold a container to its limits, as folders of the kernel: one, or one for each controller. */
export interface ContainerGroups {
  readonly folders: readonly string[];
  /** Where the kernel writes down whom it killed for want of memory. */
  readonly killsFile?: string;
}

const root = '/sys/fs/cgroup';

/** Whoever is made between entering and leaving belongs to the group from its first instruction on. */
export function insideGroups<T>(groups: ContainerGroups | undefined, make: () => T): T {
  if (groups === undefined) return make();
  const own = ownFolders();
  try {
    for (const folder of groups.folders) enter(folder);
    return make();
  } finally {
    for (const folder of groups.folders) {
      const controller = folder.slice(root.length + 1).split('/')[0] ?? '';
      enter(own.get(controller) ?? own.get('') ?? root);
    }
  }
}

export function killedForMemory({ killsFile }: ContainerGroups): boolean {
  try {
    return killsFile !== undefined && /^oom_kill [1-9]/m.test(readFileSync(killsFile, 'utf8'));
  } catch {
    return false;
  }
}

/** Nobody is in them any more. */
export function dropGroups({ folders }: ContainerGroups): void {
  for (const folder of folders) {
    try {
      rmdirSync(folder);
    } catch {
      // Somebody got away from its container, and is ended with its pod.
    }
  }
}

const enter = (folder: string): void => writeFileSync(`${folder}/cgroup.procs`, String(process.pid));

/** By controller; of the second version of the kernel's groups there is one, without a name. */
function ownFolders(): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const line of readFileSync('/proc/self/cgroup', 'utf8').trim().split('\n')) {
    const [, controllers = '', path = '/'] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    for (const name of controllers.split(','))
      found.set(name, `${root}/${name}${path === '/' ? '' : path}`.replace('//', '/'));
  }
  return found;
}
