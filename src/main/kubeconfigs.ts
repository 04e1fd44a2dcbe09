import type { Caller } from '../api/wire.ts';
import { writeKubeconfig } from '../host/kubeconfig-file.ts';
import type { ClusterKeys } from './cluster-keys.ts';

// Every certificate brings it.
const allGroup = 'system:authenticated';

/** The files by which people and parts reach a cluster: written anew when its keys change. */
export class Kubeconfigs {
  readonly #cluster: string;
  readonly #url: string;
  readonly #keys: ClusterKeys;
  readonly #speakers = new Map<string, Caller>();

  constructor(cluster: string, url: string, keys: ClusterKeys) {
    this.#cluster = cluster;
    this.#url = url;
    this.#keys = keys;
  }

  /** Gives this user's rights to whoever can read the file. */
  write(path: string, speaker: Caller): string {
    this.#speakers.set(path, speaker);
    this.#write(path, speaker);
    return path;
  }

  renew(): void {
    for (const [path, speaker] of this.#speakers) this.#write(path, speaker);
  }

  #write(path: string, { name, groups }: Caller): void {
    const { pki } = this.#keys;
    const subject = { name, groups: groups.filter((group) => group !== allGroup) };
    writeKubeconfig({
      path,
      cluster: this.#cluster,
      user: name,
      server: this.#url,
      authority: pki.authority,
      pair: pki.client(name.replaceAll(':', '-'), subject),
    });
  }
}
