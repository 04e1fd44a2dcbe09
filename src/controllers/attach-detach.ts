import { byClaim } from '../api/claim-users.ts';
import type { CSIDriver } from '../api/kinds/csi-driver.ts';
import { partOf, textOf, textsOf } from '../api/kinds/defaulting.ts';
import type { PersistentVolume } from '../api/kinds/persistent-volume.ts';
import { isFinished, type Pod } from '../api/kinds/pod.ts';
import { type VolumeAttachment, volumeAttachments } from '../api/kinds/volume-attachment.ts';
import { type Draft, type Key, keyOf } from '../api/object.ts';
import { claimRefOf } from '../api/volume-matching.ts';
import type { Crypto } from '../base/env.ts';
import { encodeText } from '../base/json.ts';
import { type Action, act, type Notice } from '../client/action.ts';
import type { Cache } from '../machinery/cache.ts';
import { type Controller, nothing, type Plan, type Source, source } from '../machinery/controller.ts';

const shared = ['ReadWriteMany', 'ReadOnlyMany'];

export interface AttachObserved {
  readonly volume: PersistentVolume;
  readonly pods: readonly Pod[];
  readonly attachments: readonly VolumeAttachment[];
}
export interface AttachCaches {
  readonly volumes: Cache<PersistentVolume>;
  readonly pods: Cache<Pod>;
  readonly attachments: Cache<VolumeAttachment>;
  readonly drivers: Cache<CSIDriver>;
}

/** Keeps the books of which volumes of storage drivers are to be attached to which nodes: the drivers read them. */
export class AttachDetachController implements Controller<AttachObserved> {
  readonly name = 'attachdetach-controller';
  readonly #caches: AttachCaches;
  readonly #crypto: Pick<Crypto, 'digest'>;

  constructor(caches: AttachCaches, crypto: Pick<Crypto, 'digest'>) {
    this.#caches = caches;
    this.#crypto = crypto;
    caches.pods.index('claim', byClaim);
    caches.volumes.index('claim', (volume) => {
      const ref = claimRefOf(volume);
      return ref ? [`${textOf(ref.namespace)}/${textOf(ref.name)}`] : [];
    });
    caches.attachments.index('volume', (attachment) => [volumeOf(attachment)]);
  }

  sources(): readonly Source[] {
    const { volumes, pods, attachments } = this.#caches;
    return [
      source(volumes, (volume) => (partOf(volume.spec).csi ? [keyOf(volume)] : [])),
      source(pods, (pod) => byClaim(pod).flatMap((claim) => volumes.by('claim', claim).map(keyOf))),
      source(attachments, (attachment) => [{ namespace: '', name: volumeOf(attachment) }]),
    ];
  }

  observe(key: Key): AttachObserved | undefined {
    const { volumes, pods, attachments, drivers } = this.#caches;
    const volume = volumes.get(key);
    const { csi } = partOf(volume?.spec);
    if (!volume || !csi) return undefined;
    const driver = drivers.get({ namespace: '', name: textOf(partOf(csi).driver) });
    if (partOf(driver?.spec).attachRequired === false) return undefined;
    const ref = claimRefOf(volume);
    const users = ref ? pods.by('claim', `${textOf(ref.namespace)}/${textOf(ref.name)}`) : [];
    return { volume, pods: users, attachments: attachments.by('volume', key.name) };
  }

  plan({ volume, pods, attachments }: AttachObserved): Plan {
    const users = pods.filter((pod) => pod.spec.nodeName && !isFinished(pod));
    const wanted = new Set(users.map(({ spec }) => spec.nodeName ?? ''));
    const isShared = textsOf(partOf(volume.spec).accessModes).some((mode) => shared.includes(mode));
    const standing = new Set(attachments.map(nodeOf));
    const actions: (Action | Notice)[] = [];
    for (const node of wanted) {
      if (standing.has(node)) continue;
      if (!isShared && standing.size > 0) {
        actions.push(...users.filter(({ spec }) => spec.nodeName === node).map((pod) => elsewhere(pod, volume)));
      } else {
        standing.add(node);
        actions.push(this.#create(volume, node));
      }
    }
    const needless = attachments.filter(
      (attachment) => !wanted.has(nodeOf(attachment)) && attachment.metadata.deletionTimestamp === undefined,
    );
    const removals = needless.map((attachment) =>
      act({ verb: 'delete', kind: volumeAttachments, key: keyOf(attachment), uid: attachment.metadata.uid }),
    );
    const groups = [removals, actions].filter((group) => group.length > 0);
    return groups.length > 0 ? { actions: groups } : nothing;
  }

  #create(volume: PersistentVolume, nodeName: string): Action {
    const { driver, volumeHandle } = partOf(partOf(volume.spec).csi);
    const attacher = textOf(driver);
    const name = `csi-${this.#crypto.digest(encodeText(`${textOf(volumeHandle)}${attacher}${nodeName}`))}`;
    const spec = { attacher, nodeName, source: { persistentVolumeName: volume.metadata.name } };
    const object = { metadata: { name }, spec } as unknown as Draft<VolumeAttachment>;
    return act({ verb: 'create', kind: volumeAttachments, object });
  }
}

const nodeOf = ({ spec }: VolumeAttachment): string => textOf(partOf(spec).nodeName);
const volumeOf = ({ spec }: VolumeAttachment): string => textOf(partOf(partOf(spec).source).persistentVolumeName);

function elsewhere(about: Pod, { metadata }: PersistentVolume): Notice {
  const message =
    `Multi-Attach error for volume "${metadata.name}" Volume is already exclusively attached to one node and ` +
    "can't be attached to another";
  return { verb: 'event', about, type: 'Warning', reason: 'FailedAttachVolume', message };
}
