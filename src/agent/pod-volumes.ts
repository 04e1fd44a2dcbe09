import type { Kind } from '../api/kind.ts';
import { configMaps } from '../api/kinds/config-map.ts';
import type { Container, Pod } from '../api/kinds/pod.ts';
import { secrets } from '../api/kinds/secret.ts';
import type { Env, Millis } from '../base/env.ts';
import { canonicalJson, type Json } from '../base/json.ts';
import type { Client } from '../client/client.ts';
import { AccountTokens, isTokenRefused, type TokenSource } from './account-tokens.ts';
import type { SpecSetting } from './container-spec.ts';
import type { Variables } from './environment.ts';
import type { Named, ObjectWatch } from './object-watch.ts';
import type { Mount } from './runtime.ts';
import {
  containerMounts,
  hasFiles,
  MountError,
  type MountSetting,
  namedObjects,
  readSources,
  refreshFiles,
  tokenSources,
  type VolumeHost,
  type VolumeSources,
} from './volumes.ts';

/** What the volumes of all pods of a node share. */
export interface VolumeParts {
  readonly host: VolumeHost;
  readonly objects: ObjectWatch;
}

/** The volumes of one pod: made before its containers, and true to their objects as long as it lives. */
export class PodVolumes {
  readonly #env: Env;
  readonly #client: Client;
  readonly #parts: VolumeParts;
  readonly #again: () => void;
  #named: readonly Named[] | undefined;
  #forget: readonly (() => void)[] = [];
  /** What the files were last made of. */
  #madeOf: string | undefined;
  #refreshing = false;
  readonly #tokens: AccountTokens;

  constructor(env: Env, client: Client, parts: VolumeParts, again: () => void) {
    this.#env = env;
    this.#client = client;
    this.#parts = parts;
    this.#again = again;
    this.#tokens = new AccountTokens(env.clock, client);
  }

  async mounts(
    pod: Pod,
    container: Container,
    setting: SpecSetting & Pick<MountSetting, 'unpack'> & { readonly env: Variables },
  ): Promise<readonly Mount[]> {
    if (!container.volumeMounts?.length) return [];
    const sources = { ...(await this.#read(pod)), ...setting };
    const variables = new Map(setting.env.map(({ name, value }) => [name, value]));
    const { unpack } = setting;
    return containerMounts(pod, container, {
      host: this.#parts.host,
      sources,
      variables,
      ...(unpack ? { unpack } : {}),
    });
  }

  /** A file that a container of the pod has written into a volume which lives as long as the pod. */
  async fileIn(pod: Pod, volume: string, path: string): Promise<string | undefined> {
    const { host } = this.#parts;
    return host.textInside(await host.folder(pod.metadata.uid, volume), path);
  }

  /** At every look at the pod: costs nothing while nothing has changed. */
  keepTrue(pod: Pod, setting: SpecSetting): void {
    if (pod.metadata.deletionTimestamp || !hasFiles(pod) || setting.podIps.length === 0) return;
    this.#named ??= this.#watch(pod);
    const { labels, annotations } = pod.metadata;
    const revisions = this.#named.map((named) => this.#parts.objects.revision(named));
    const amounts = pod.spec.containers.map(({ resources }) => resources ?? {});
    const made = [labels ?? {}, annotations ?? {}, setting.podIps, revisions, amounts];
    const madeOf = canonicalJson(made as unknown as Json);
    if ((madeOf === this.#madeOf && !this.#tokens.isDue) || this.#refreshing) return;
    this.#refreshing = true;
    this.#refresh(pod, setting).then(
      () => this.#done(madeOf),
      (error: unknown) => {
        // An object that is gone leaves what was made of it, as upstream does.
        this.#env.log.debug('volumes stay as they were', { pod: pod.metadata.name, error: String(error) });
        this.#done(madeOf);
      },
    );
  }

  /** How long until a token has to be replaced. */
  get dueMs(): Millis | undefined {
    return this.#tokens.dueMs;
  }

  async release(uid: string): Promise<void> {
    for (const forget of this.#forget) forget();
    this.#forget = [];
    this.#named = [];
    await this.#parts.host.release(uid);
  }

  async #read(pod: Pod): Promise<Pick<VolumeSources, 'configMaps' | 'secrets' | 'tokens'>> {
    const wanted = tokenSources(pod);
    const tokens = wanted.length > 0 ? await this.#tokensOf(pod, wanted) : new Map();
    return { ...(await readSources(this.#client, pod)), tokens };
  }

  async #tokensOf(pod: Pod, wanted: readonly TokenSource[]): Promise<ReadonlyMap<string, Uint8Array>> {
    try {
      return await this.#tokens.of(pod, wanted);
    } catch (error) {
      if (!isTokenRefused(error)) throw error;
      throw new MountError(`failed to fetch token: ${(error as Error).message}`);
    }
  }

  async #refresh(pod: Pod, setting: SpecSetting): Promise<void> {
    const sources = { ...(await this.#read(pod)), ...setting };
    await refreshFiles(pod, { host: this.#parts.host, sources });
  }

  /** What changed meanwhile is seen at the next look. */
  #done(madeOf: string): void {
    this.#madeOf = madeOf;
    this.#refreshing = false;
    this.#again();
  }

  #watch(pod: Pod): readonly Named[] {
    const { configMaps: maps, secrets: hidden } = namedObjects(pod);
    const namespace = pod.metadata.namespace ?? '';
    const named = [
      ...maps.map((name): Named => ({ kind: configMaps as unknown as Kind, namespace, name })),
      ...hidden.map((name): Named => ({ kind: secrets as unknown as Kind, namespace, name })),
    ];
    this.#forget = named.map((one) => this.#parts.objects.on(one, this.#again));
    return named;
  }
}
