import { isObject, type JsonObject } from '../../base/json.ts';
import type { Store } from '../../store/store.ts';

const objectOf = (value: unknown): JsonObject => (isObject(value) ? value : {});
const listOf = (value: unknown): readonly JsonObject[] => (Array.isArray(value) ? value.map(objectOf) : []);

/** For whom a node may ask tokens: those whom the pod's own volumes name, itself or through a storage driver. */
export class TokenAudiences {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Undefined where one of the pod's volumes asks for this audience. */
  async error(pod: JsonObject, audience: string, user: string): Promise<string | undefined> {
    const namespace = String(objectOf(pod.metadata).namespace ?? '');
    const errors: string[] = [];
    for (const volume of listOf(objectOf(pod.spec).volumes)) {
      const sources = listOf(objectOf(volume.projected).sources);
      const asked = sources.map(({ serviceAccountToken }) => serviceAccountToken).filter(isObject);
      if (asked.some((token) => (token.audience ?? '') === audience)) return undefined;
      const driver = await this.#driverOf(volume, { namespace, pod: String(objectOf(pod.metadata).name) });
      if (driver === undefined) continue;
      const known = 'error' in driver ? driver : await this.#askedBy(driver.name);
      if ('error' in known) errors.push(known.error);
      else if (known.audiences.includes(audience)) return undefined;
    }
    const named = JSON.stringify(audience);
    if (errors.length > 0) return `error validating audience ${named}: ${errors.join(', ')}`;
    return `audience ${named} not found in pod spec volume, ${user} is not authorized to request tokens for this audience`;
  }

  async #driverOf(
    volume: JsonObject,
    at: { readonly namespace: string; readonly pod: string },
  ): Promise<{ readonly name: string } | { readonly error: string } | undefined> {
    const inline = objectOf(volume.csi).driver;
    if (typeof inline === 'string') return { name: inline };
    const claimed = objectOf(volume.persistentVolumeClaim).claimName;
    const claim = volume.ephemeral === undefined ? claimed : `${at.pod}-${String(volume.name)}`;
    if (typeof claim !== 'string') return undefined;
    const found = await this.#get(`/core/persistentvolumeclaims/${at.namespace}/${claim}`);
    if (!found) return { error: `persistentvolumeclaim ${JSON.stringify(claim)} not found` };
    const { volumeName } = objectOf(found.spec);
    if (typeof volumeName !== 'string' || volumeName === '') return undefined;
    const held = await this.#get(`/core/persistentvolumes/${volumeName}`);
    if (!held) return { error: `persistentvolume ${JSON.stringify(volumeName)} not found` };
    const { driver } = objectOf(objectOf(held.spec).csi);
    return typeof driver === 'string' ? { name: driver } : undefined;
  }

  async #askedBy(name: string): Promise<{ readonly audiences: readonly string[] } | { readonly error: string }> {
    const driver = await this.#get(`/storage.k8s.io/csidrivers/${name}`);
    if (!driver) return { error: `csidriver.storage.k8s.io ${JSON.stringify(name)} not found` };
    return { audiences: listOf(objectOf(driver.spec).tokenRequests).map(({ audience }) => String(audience ?? '')) };
  }

  async #get(key: string): Promise<JsonObject | undefined> {
    return (await this.#store.get(key)).entry?.value as JsonObject | undefined;
  }
}
