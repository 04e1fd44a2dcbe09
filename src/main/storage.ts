import { isApiError } from '../api/error.ts';
import type { Kind } from '../api/kind.ts';
import { csiDrivers } from '../api/kinds/csi-driver.ts';
import { storageClasses } from '../api/kinds/storage-class.ts';
import { localPathClass, localPathDriver } from '../api/local-path.ts';
import type { KubeObject } from '../api/object.ts';
import type { Client } from '../client/client.ts';

/** Claims get folders of the node where their pod runs, unless they ask for something else. */
export async function offerStorage(client: Client): Promise<void> {
  await offer(client, csiDrivers, {
    metadata: { name: localPathDriver },
    spec: { attachRequired: false, podInfoOnMount: false, volumeLifecycleModes: ['Persistent'] },
  });
  await offer(client, storageClasses, {
    metadata: { name: localPathClass, annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
    provisioner: localPathDriver,
    reclaimPolicy: 'Delete',
    volumeBindingMode: 'WaitForFirstConsumer',
    allowVolumeExpansion: true,
  });
}

async function offer<T extends KubeObject>(client: Client, kind: Kind<T>, object: object): Promise<void> {
  try {
    await client.send({ verb: 'create', kind, object: object as never });
  } catch (error) {
    if (!isApiError(error, 'AlreadyExists')) throw error;
  }
}
