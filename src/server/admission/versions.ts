import { ApiError } from '../../api/error.ts';
import type { Kind } from '../../api/kind.ts';
import type { KubeObject } from '../../api/object.ts';
import type { Json } from '../../base/json.ts';
import type { Conversions } from '../custom/conversions.ts';
import { storagePrefix } from '../kinds.ts';
import type { AdmissionRequest } from './plugin.ts';

/** A write in the version that somebody wants to see it in. */
export interface Versioned {
  readonly request: AdmissionRequest;
  readonly object: KubeObject | undefined;
}

/** Shows a write in another version of its kind, and takes back what was changed there. */
export class Versions {
  readonly #conversions: Conversions;
  /** Several hooks may want the same version: an object is converted to it once. */
  readonly #known = new WeakMap<KubeObject, Map<Kind, Promise<KubeObject>>>();

  constructor(conversions: Conversions) {
    this.#conversions = conversions;
  }

  async shown({ request, object }: Versioned, wanted: Kind): Promise<Versioned> {
    const { kind, previous } = request;
    if (wanted === kind) return { request, object };
    const [next, before] = await Promise.all([
      object && this.converted(object, kind, wanted),
      previous && this.converted(previous, kind, wanted),
    ]);
    const seen = { ...request, kind: wanted, asked: kind };
    return { request: before ? { ...seen, previous: before } : seen, object: next };
  }

  converted(object: KubeObject, from: Kind, to: Kind): Promise<KubeObject> {
    // What is sent through a door of the object (a Scale, an Eviction) is of another kind, and has one version.
    if (from === to || object.kind !== from.kind) return Promise.resolve(object);
    const known = this.#known.get(object) ?? new Map<Kind, Promise<KubeObject>>();
    this.#known.set(object, known);
    const there = known.get(to);
    if (there) return there;
    const made = this.#made(object, from, to);
    known.set(to, made);
    // A conversion that failed may do better the next time.
    made.catch(() => known.delete(to));
    return made;
  }

  async #made(object: KubeObject, from: Kind, to: Kind): Promise<KubeObject> {
    const converting = this.#conversions.of(storagePrefix(from));
    const made = converting
      ? await this.#conversions.inVersion(converting, object as unknown as Json, to.apiVersion).catch(failed)
      : renamed(object, from, to);
    return { ...(made as unknown as KubeObject), apiVersion: to.apiVersion, kind: to.kind };
  }
}

/** What the other version of a custom kind does not know stays: it would be lost on the way back. */
function renamed(object: KubeObject, from: Kind, to: Kind): KubeObject {
  if (from.custom) return object;
  const stored = from.rules.storedAs?.to(object) ?? object;
  return to.rules.storedAs?.from(stored) ?? stored;
}

function failed(error: unknown): never {
  throw new ApiError('InternalError', `Internal error occurred: ${(error as Error).message}`);
}
