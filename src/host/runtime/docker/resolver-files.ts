import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerSpec, SandboxSpec } from '../../../agent/runtime.ts';
import { resolverFileText } from '../../../network/resolv-conf.ts';

const target = '/etc/resolv.conf';

/**
 * The resolver files of pods. An engine writes one too, but names itself in it and forwards: then a pod does not see
 * what it asked for, and finds names of containers that no cluster knows.
 */
export class ResolverFiles {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  /** The container with its pod's file. A mount that it has at that place itself stays; so does the engine's own file. */
  into(spec: ContainerSpec, { id, dns }: SandboxSpec): ContainerSpec {
    if (dns.servers.length === 0 || spec.mounts.some((mount) => mount.target === target)) return spec;
    const folder = join(this.#root, id);
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    const source = join(folder, 'resolv.conf');
    // Other containers of the pod may be reading it.
    if (!existsSync(source)) writeFileSync(source, resolverFileText(dns), { mode: 0o644 });
    return { ...spec, mounts: [...spec.mounts, { source, target, readOnly: false }] };
  }

  remove(sandbox: string): void {
    rmSync(join(this.#root, sandbox), { recursive: true, force: true });
  }
}
