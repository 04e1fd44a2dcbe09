import { isApiError } from '../api/error.ts';
import { persistentVolumes } from '../api/kinds/persistent-volume.ts';
import { localPathFinalizer } from '../api/local-path.ts';
import { type Component, type Env, sleep } from '../base/env.ts';
import type { Json } from '../base/json.ts';
import type { Stop } from '../base/stop.ts';
import { act } from '../client/action.ts';
import type { Client } from '../client/client.ts';
import type { VolumeHost } from './volumes.ts';

const sweepMs = 10_000;

/**
 * Takes folders away whose volumes are to go. Only where the volume itself says so: what the server does not know may
 * be somebody's data all the same.
 */
export class KeptVolumes implements Component {
  readonly name = 'kept-volumes';
  readonly #env: Env;
  readonly #client: Client;
  readonly #host: VolumeHost;

  constructor(env: Env, client: Client, host: VolumeHost) {
    this.#env = env;
    this.#client = client;
    this.#host = host;
  }

  async run(stop: Stop): Promise<void> {
    while (!stop.stopped) {
      try {
        for (const name of (await this.#host.keptNames?.()) ?? []) await this.#look(name);
      } catch (error) {
        if (!isApiError(error)) this.#env.log.error('a volume could not be cleared', { error: String(error) });
      }
      await sleep(this.#env.clock, sweepMs, stop).catch(() => {});
    }
  }

  async #look(name: string): Promise<void> {
    const key = { namespace: '', name };
    const volume = await this.#client.get(persistentVolumes, key).catch((error: unknown) => {
      if (!isApiError(error, 'NotFound')) throw error;
      return undefined;
    });
    const { deletionTimestamp, finalizers = [], uid, resourceVersion } = volume?.metadata ?? {};
    // Others may still hold it, because a pod uses it: the folder goes last.
    const isLast = finalizers.length === 1 && finalizers[0] === localPathFinalizer;
    if (deletionTimestamp === undefined || !isLast) return;
    await this.#host.dropKept?.(name);
    const patch: Json = { metadata: { uid: uid ?? '', resourceVersion: resourceVersion ?? '', finalizers: null } };
    await this.#client.send(act({ verb: 'patch', kind: persistentVolumes, key, patch }));
    this.#env.log.info('the folder of a volume was removed', { part: this.name, volume: name });
  }
}
