import { mapOf, partOf, textOf, textsOf } from '../api/kinds/defaulting.ts';
import type { Node } from '../api/kinds/node.ts';
import { type PersistentVolume, persistentVolumes } from '../api/kinds/persistent-volume.ts';
import { type PersistentVolumeClaim, persistentVolumeClaims } from '../api/kinds/persistent-volume-claim.ts';
import type { StorageClass } from '../api/kinds/storage-class.ts';
import { localPathDriver, localPathFinalizer, localPathTopology } from '../api/local-path.ts';
import { type Draft, type Key, keyOf, keyText, parseKey } from '../api/object.ts';
import { compareQuantity, formatQuantity } from '../api/quantity.ts';
import { storageClassOf } from '../api/storage-class-of.ts';
import {
  capacityOf,
  claimRefOf,
  isBound,
  requestOf,
  selectedNodeAnnotation,
  waitsForPod,
} from '../api/volume-matching.ts';
import type { Json } from '../base/json.ts';
import { compareText } from '../base/text.ts';
import { type Action, act, type Notice } from '../client/action.ts';
import type { Cache } from '../machinery/cache.ts';
import { type Controller, nothing, type Plan, type Source, source } from '../machinery/controller.ts';
import { statusPatch } from './status-patch.ts';
import { isReadyNode } from './zone-limits.ts';

const provisionedBy = 'pv.kubernetes.io/provisioned-by';
const hostLabel = 'kubernetes.io/hostname';

export type LocalObserved =
  | {
      readonly about: 'claim';
      readonly claim: PersistentVolumeClaim;
      readonly storageClass: StorageClass;
      /** Where the folder is to be. */
      readonly node: Node | undefined;
      /** What the claim has got already. */
      readonly volume: PersistentVolume | undefined;
    }
  | { readonly about: 'volume'; readonly volume: PersistentVolume; readonly node: Node | undefined };

export interface LocalPathCaches {
  readonly claims: Cache<PersistentVolumeClaim>;
  readonly volumes: Cache<PersistentVolume>;
  readonly classes: Cache<StorageClass>;
  readonly nodes: Cache<Node>;
}

/** Gives claims folders on the node where their pod runs. */
export class LocalPathProvisioner implements Controller<LocalObserved> {
  readonly name = localPathDriver;
  readonly #caches: LocalPathCaches;

  constructor(caches: LocalPathCaches) {
    this.#caches = caches;
  }

  sources(): readonly Source[] {
    const { claims, volumes, classes, nodes } = this.#caches;
    const ofClaim = (claim: PersistentVolumeClaim): Key => ({ namespace: 'claim', name: keyText(keyOf(claim)) });
    const ofVolume = ({ metadata }: PersistentVolume): Key => ({ namespace: 'volume', name: metadata.name });
    const own = () => volumes.list().filter(isOurs);
    return [
      source(claims, (claim) => [ofClaim(claim)]),
      source(volumes, (volume) => {
        const ref = claimRefOf(volume);
        if (!isOurs(volume) || !ref) return [];
        return [ofVolume(volume), { namespace: 'claim', name: `${textOf(ref.namespace)}/${textOf(ref.name)}` }];
      }),
      source(classes, ({ metadata }) =>
        claims
          .list()
          .filter((claim) => storageClassOf(claim) === metadata.name && !isBound(claim))
          .map(ofClaim),
      ),
      // A node that has gone takes its folders with it.
      source(nodes, (node) => (nodes.get(keyOf(node)) ? [] : own().map(ofVolume))),
    ];
  }

  observe({ namespace: about, name }: Key): LocalObserved | undefined {
    const { claims, volumes, classes, nodes } = this.#caches;
    if (about === 'volume') {
      const volume = volumes.get({ namespace: '', name });
      if (!volume || !isOurs(volume)) return undefined;
      return { about, volume, node: nodes.get({ namespace: '', name: nodeOf(volume) }) };
    }
    const claim = claims.get(parseKey(name));
    const storageClass = claim && classes.get({ namespace: '', name: storageClassOf(claim) });
    if (!claim || partOf(storageClass).provisioner !== localPathDriver || !storageClass) return undefined;
    const volumeName = textOf(partOf(claim.spec).volumeName) || volumeNameOf(claim);
    const volume = volumes.get({ namespace: '', name: volumeName });
    return { about: 'claim', claim, storageClass, node: this.#nodeFor(claim, storageClass), volume };
  }

  #nodeFor(claim: PersistentVolumeClaim, storageClass: StorageClass): Node | undefined {
    const { nodes } = this.#caches;
    const chosen = claim.metadata.annotations?.[selectedNodeAnnotation];
    if (chosen !== undefined) return nodes.get({ namespace: '', name: chosen });
    if (waitsForPod(storageClass)) return undefined;
    const ready = nodes.list().filter(isReadyNode);
    return ready.toSorted((a, b) => compareText(a.metadata.name, b.metadata.name))[0];
  }

  plan(observed: LocalObserved): Plan {
    if (observed.about === 'volume') return cleared(observed.volume, observed.node);
    const { claim, storageClass, node, volume } = observed;
    if (claim.metadata.deletionTimestamp !== undefined) return nothing;
    if (isBound(claim)) return volume && isOurs(volume) ? grown(claim, volume) : nothing;
    if (volume || !node || textOf(partOf(claim.spec).volumeName) !== '') return nothing;
    if (partOf(claim.spec).volumeMode === 'Block') {
      const why = `failed to provision volume with StorageClass "${storageClass.metadata.name}": only folders are offered`;
      return { actions: [[notice(claim, 'Warning', 'ProvisioningFailed', why)]] };
    }
    const { namespace, name } = claim.metadata;
    const begins = `External provisioner is provisioning volume for claim "${namespace}/${name}"`;
    const made = create(claim, storageClass, node);
    const done = `Successfully provisioned volume ${volumeNameOf(claim)}`;
    return {
      actions: [
        [notice(claim, 'Normal', 'Provisioning', begins)],
        [made, notice(claim, 'Normal', 'ProvisioningSucceeded', done)],
      ],
    };
  }
}

const notice = (about: PersistentVolumeClaim, type: 'Normal' | 'Warning', reason: string, message: string): Notice => ({
  verb: 'event',
  about,
  type,
  reason,
  message,
});

const isOurs = (volume: PersistentVolume): boolean => volume.metadata.annotations?.[provisionedBy] === localPathDriver;
const volumeNameOf = (claim: PersistentVolumeClaim): string => `pvc-${claim.metadata.uid}`;
const nodeOf = (volume: PersistentVolume): string =>
  textOf(mapOf(partOf(partOf(partOf(volume.spec).csi).volumeAttributes)).node);

function create(claim: PersistentVolumeClaim, storageClass: StorageClass, node: Node): Action {
  const { namespace, name, uid, resourceVersion } = claim.metadata;
  const { reclaimPolicy, mountOptions } = partOf(storageClass);
  const claimRef = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name, uid, resourceVersion };
  const hostname = node.metadata.labels?.[hostLabel] ?? node.metadata.name;
  const term = { matchExpressions: [{ key: hostLabel, operator: 'In', values: [hostname] }] };
  const object = {
    metadata: {
      name: volumeNameOf(claim),
      annotations: { [provisionedBy]: localPathDriver },
      // Where nothing is kept nothing has to be cleared.
      ...(node.metadata.labels?.[localPathTopology] === undefined ? {} : { finalizers: [localPathFinalizer] }),
    },
    spec: {
      capacity: { storage: formatQuantity(requestOf(claim)) },
      accessModes: textsOf(partOf(claim.spec).accessModes),
      persistentVolumeReclaimPolicy: textOf(reclaimPolicy) || 'Delete',
      storageClassName: storageClass.metadata.name,
      volumeMode: 'Filesystem',
      ...(textsOf(mountOptions).length > 0 ? { mountOptions } : {}),
      claimRef,
      csi: {
        driver: localPathDriver,
        volumeHandle: volumeNameOf(claim),
        volumeAttributes: { node: node.metadata.name },
      },
      nodeAffinity: { required: { nodeSelectorTerms: [term] } },
    },
  } as unknown as Draft<PersistentVolume>;
  return act({ verb: 'create', kind: persistentVolumes, object });
}

/** A folder has no size: what is asked for is promised. */
function grown(claim: PersistentVolumeClaim, volume: PersistentVolume): Plan {
  const wanted = requestOf(claim);
  const storage = formatQuantity(wanted);
  const volumes =
    compareQuantity(capacityOf(volume), wanted) < 0
      ? [
          act({
            verb: 'patch',
            kind: persistentVolumes,
            key: keyOf(volume),
            patch: { metadata: { uid: volume.metadata.uid }, spec: { capacity: { storage } } },
          }),
        ]
      : [];
  const before = partOf(claim.status);
  const had = mapOf(before.capacity).storage;
  const isSmaller = had !== undefined && had !== formatQuantity(capacityOf(volume)) && volumes.length === 0;
  const capacity = { ...mapOf(before.capacity), storage: formatQuantity(capacityOf(volume)) };
  const claims = isSmaller ? statusPatch(persistentVolumeClaims, claim, { ...before, capacity }) : [];
  return { actions: [volumes, claims].filter((group) => group.length > 0) };
}

/** A volume that was left behind goes, if its class says so; its node clears the folder, unless the node is gone too. */
function cleared(volume: PersistentVolume, node: Node | undefined): Plan {
  const { metadata, spec, status } = volume;
  const { deletionTimestamp, finalizers = [], uid, resourceVersion } = metadata;
  const isLeft = partOf(status).phase === 'Released' && partOf(spec).persistentVolumeReclaimPolicy === 'Delete';
  if (deletionTimestamp === undefined) {
    if (!isLeft || claimRefOf(volume) === undefined) return nothing;
    return { actions: [[act({ verb: 'delete', kind: persistentVolumes, key: keyOf(volume), uid })]] };
  }
  if (node || !finalizers.includes(localPathFinalizer)) return nothing;
  const rest = finalizers.filter((one) => one !== localPathFinalizer);
  const patch: Json = { metadata: { uid, resourceVersion, finalizers: rest.length > 0 ? (rest as Json) : null } };
  return { actions: [[act({ verb: 'patch', kind: persistentVolumes, key: keyOf(volume), patch })]] };
}
