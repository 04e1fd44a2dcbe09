import { csiDrivers } from '../api/kinds/csi-driver.ts';
import { storageClasses } from '../api/kinds/storage-class.ts';
import { localPathClass, localPathDriver } from '../api/local-path.ts';
import type { Client } from '../client/client.ts';
import { offer } from './offer.ts';

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
