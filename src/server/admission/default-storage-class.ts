import { persistentVolumeClaims } from '../../api/kinds/persistent-volume-claim.ts';
import { storageClasses } from '../../api/kinds/storage-class.ts';
import type { KubeObject } from '../../api/object.ts';
import { hasStorageClass } from '../../api/storage-class-of.ts';
import type { Store } from '../../store/store.ts';
import { defaultClass } from './default-class.ts';
import { ObjectIndex } from './object-index.ts';
import type { AdmissionPlugin, AdmissionRequest } from './plugin.ts';
import { isAbout } from './refusal.ts';

const annotations = ['storageclass.kubernetes.io/is-default-class', 'storageclass.beta.kubernetes.io/is-default-class'];

/** A claim that names no class gets the default one, where there is one. */
export class DefaultStorageClass implements AdmissionPlugin {
  readonly name = 'DefaultStorageClass';
  readonly kinds = [persistentVolumeClaims];
  readonly #classes: ObjectIndex<KubeObject>;

  constructor(store: Store) {
    this.#classes = new ObjectIndex(store, storageClasses as never);
  }

  async mutate(object: KubeObject, request: AdmissionRequest): Promise<KubeObject> {
    if (request.operation !== 'CREATE' || !isAbout(request, persistentVolumeClaims)) return object;
    if (hasStorageClass(object)) return object;
    await this.#classes.ready();
    const found = defaultClass(this.#classes.list(''), annotations);
    if (!found) return object;
    return { ...object, spec: { ...(object.spec as object), storageClassName: found.metadata.name } };
  }
}
