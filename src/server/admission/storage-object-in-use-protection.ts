import type { KubeObject } from '../../api/object.ts';
import type { AdmissionPlugin, AdmissionRequest } from './plugin.ts';

const finalizers: Readonly<Record<string, string>> = {
  '/persistentvolumeclaims': 'kubernetes.io/pvc-protection',
  '/persistentvolumes': 'kubernetes.io/pv-protection',
  'storage.k8s.io/volumeattributesclasses': 'kubernetes.io/vac-protection',
};

/** What somebody may be using is not removed under them: a controller takes the mark away once nobody does. */
export class StorageObjectInUseProtection implements AdmissionPlugin {
  readonly name = 'StorageObjectInUseProtection';

  mutate(object: KubeObject, { operation, kind, route }: AdmissionRequest): KubeObject {
    if (operation !== 'CREATE' || route.subresource !== '') return object;
    const finalizer = finalizers[`${kind.group}/${kind.plural}`];
    const held = object.metadata.finalizers ?? [];
    if (finalizer === undefined || held.includes(finalizer)) return object;
    return { ...object, metadata: { ...object.metadata, finalizers: [...held, finalizer] } };
  }
}
