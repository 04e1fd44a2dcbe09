import { isApiError } from '../api/error.ts';
import { type Pod, type PodStatus, pods } from '../api/kinds/pod.ts';
import { keyOf } from '../api/object.ts';
import { equalJson, type Json, type JsonObject } from '../base/json.ts';
import type { Client } from '../client/client.ts';

const conflictsMax = 5;

/** Tells the cluster what has become of one pod: no more than what has changed, and never over what somebody else told. */
export class StatusWriter {
  readonly #client: Client;
  readonly #uid: string;
  readonly #apiUid: () => string | undefined;
  /** The pod as the last write answered it: newer than the cache for a moment. */
  #written: Pod | undefined;

  /** `apiUid` is the identity under which the cluster knows the pod; nothing as long as it does not. */
  constructor(client: Client, uid: string, apiUid: () => string | undefined) {
    this.#client = client;
    this.#uid = uid;
    this.#apiUid = apiUid;
  }

  newest(cached: Pod): Pod {
    const written = this.#written;
    const newer = written && Number(written.metadata.resourceVersion) > Number(cached.metadata.resourceVersion);
    if (!newer) this.#written = undefined;
    return newer ? written : cached;
  }

  /** `statusOf` is asked again where the pod has changed meanwhile. */
  async write(pod: Pod, statusOf: (current: Pod) => PodStatus): Promise<void> {
    const uid = this.#apiUid();
    if (uid === undefined) return;
    let current = pod;
    for (let tries = 0; ; tries++) {
      const patch = changes(current.status ?? {}, statusOf(current));
      if (!patch) return;
      const { resourceVersion } = current.metadata;
      const body: Json = { metadata: { uid, resourceVersion }, status: patch };
      try {
        const key = keyOf(current);
        const call = { verb: 'patch', kind: pods, key, patch: body, subresource: 'status' } as const;
        const written = await this.#client.send<Pod>(call);
        if (uid === this.#uid) this.#written = written;
        return;
      } catch (error) {
        if (isApiError(error, 'NotFound')) return;
        if (!isApiError(error, 'Conflict') || tries >= conflictsMax) throw error;
        const fresh = await this.#client.get(pods, keyOf(current)).catch(absent);
        if (fresh?.metadata.uid !== uid) return;
        current = { ...fresh, metadata: { ...fresh.metadata, uid: this.#uid } };
      }
    }
  }
}

function changes(before: PodStatus, after: PodStatus): JsonObject | undefined {
  const patch: Record<string, Json> = {};
  for (const [key, value] of Object.entries(after)) {
    if (!equalJson((before as JsonObject)[key], value)) patch[key] = value as Json;
  }
  return Object.keys(patch).length > 0 ? patch : undefined;
}

function absent(error: unknown): undefined {
  if (!isApiError(error, 'NotFound')) throw error;
  return undefined;
}
