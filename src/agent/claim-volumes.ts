import { isApiError } from '../api/error.ts';
import type { Kind } from '../api/kind.ts';
import { type Part, partOf, partsOf, textOf } from '../api/kinds/defaulting.ts';
import { type PersistentVolume, persistentVolumes } from '../api/kinds/persistent-volume.ts';
import { persistentVolumeClaims } from '../api/kinds/persistent-volume-claim.ts';
import type { Pod } from '../api/kinds/pod.ts';
import { localPathDriver } from '../api/local-path.ts';
import type { KubeObject } from '../api/object.ts';
import { isBound } from '../api/volume-matching.ts';
import type { Client } from '../client/client.ts';

/** What stands behind a claim on this node, or why nothing does yet. */
export type ClaimedVolume =
  | { readonly kind: 'host'; readonly path: string; readonly type: string }
  | { readonly kind: 'kept'; readonly name: string }
  | { readonly kind: 'missing'; readonly why: string };

/** By the volume's name in the pod. */
export async function readClaims(client: Client, pod: Pod): Promise<ReadonlyMap<string, ClaimedVolume>> {
  const volumes = partsOf((pod.spec as { readonly volumes?: unknown }).volumes);
  const found = volumes.flatMap((volume) => {
    const claim = claimName(pod, volume);
    return claim === undefined ? [] : [{ volume: textOf(volume.name), claim }];
  });
  const pairs = found.map(async ({ volume, claim }) => [volume, await behind(client, pod, claim)] as const);
  return new Map(await Promise.all(pairs));
}

function claimName(pod: Pod, volume: Part): string | undefined {
  if (volume.persistentVolumeClaim) return textOf(partOf(volume.persistentVolumeClaim).claimName);
  return volume.ephemeral ? `${pod.metadata.name}-${textOf(volume.name)}` : undefined;
}

async function behind(client: Client, pod: Pod, name: string): Promise<ClaimedVolume> {
  const { namespace = '' } = pod.metadata;
  const claim = await found(client, persistentVolumeClaims, { namespace, name });
  if (!claim) return { kind: 'missing', why: `persistentvolumeclaim "${name}" not found` };
  const volumeName = textOf(partOf(claim.spec).volumeName);
  const volume = isBound(claim) && (await found(client, persistentVolumes, { namespace: '', name: volumeName }));
  if (!volume) return { kind: 'missing', why: `PVC ${namespace}/${name} is not bound` };
  return sourceOf(volume);
}

function sourceOf({ metadata, spec }: PersistentVolume): ClaimedVolume {
  const { hostPath, local, csi } = partOf(spec);
  if (hostPath) return { kind: 'host', path: textOf(partOf(hostPath).path), type: textOf(partOf(hostPath).type) };
  if (local) return { kind: 'host', path: textOf(partOf(local).path), type: 'Directory' };
  const driver = textOf(partOf(csi).driver);
  if (driver === localPathDriver) return { kind: 'kept', name: textOf(partOf(csi).volumeHandle) };
  const why = csi
    ? `driver name ${driver} not found in the list of registered CSI drivers`
    : `volume ${metadata.name} is of a kind that this node does not offer`;
  return { kind: 'missing', why };
}

function found<T extends KubeObject>(
  client: Client,
  kind: Kind<T>,
  key: { readonly namespace: string; readonly name: string },
): Promise<T | undefined> {
  return client.get(kind, key).catch((error: unknown) => {
    if (!isApiError(error, 'NotFound')) throw error;
    return undefined;
  });
}
