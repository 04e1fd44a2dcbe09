import { persistentVolumeClaims } from '../../api/kinds/persistent-volume-claim.ts';
import { storageClasses } from '../../api/kinds/storage-class.ts';
import type { KubeObject } from '../../api/object.ts';
import { compareQuantity, parseQuantity } from '../../api/quantity.ts';
import { storageClassOf } from '../../api/storage-class-of.ts';
import type { Store } from '../../store/store.ts';
import { ObjectIndex } from './object-index.ts';
import type { AdmissionPlugin, AdmissionRequest } from './plugin.ts';
import { isAbout, refusal } from './refusal.ts';

/** A claim grows only where it has a volume and its class says that such volumes can grow. */
export class PersistentVolumeClaimResize implements AdmissionPlugin {
  readonly name = 'PersistentVolumeClaimResize';
  readonly kinds = [persistentVolumeClaims];
  readonly #classes: ObjectIndex<KubeObject>;

  constructor(store: Store) {
    this.#classes = new ObjectIndex(store, storageClasses as never);
  }

  async validate(object: KubeObject | undefined, request: AdmissionRequest): Promise<void> {
    const { previous } = request;
    if (request.operation !== 'UPDATE' || !isAbout(request, persistentVolumeClaims) || !object || !previous) return;
    if (compareQuantity(parseQuantity(sizeOf(object)), parseQuantity(sizeOf(previous))) <= 0) return;
    if ((previous.status as { readonly phase?: string } | undefined)?.phase !== 'Bound') {
      throw refusal(request, 'Only bound persistent volume claims can be expanded');
    }
    await this.#classes.ready();
    const name = storageClassOf(object);
    const found = name !== '' && name === storageClassOf(previous) ? this.#classes.get('', name) : undefined;
    if ((found as { readonly allowVolumeExpansion?: boolean } | undefined)?.allowVolumeExpansion) return;
    throw refusal(
      request,
      'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
    );
  }
}

function sizeOf({ spec }: KubeObject): string {
  const { resources } = (spec ?? {}) as { readonly resources?: { readonly requests?: { readonly storage?: string } } };
  return resources?.requests?.storage ?? '0';
}
