import assert from 'node:assert/strict';
import { test } from 'node:test';
import { csiDrivers } from '../api/kinds/csi-driver.ts';
import { type PersistentVolume, persistentVolumes } from '../api/kinds/persistent-volume.ts';
import { type Pod, pods } from '../api/kinds/pod.ts';
import { type VolumeAttachment, volumeAttachments } from '../api/kinds/volume-attachment.ts';
import type { Env } from '../base/env.ts';
import { Client } from '../client/client.ts';
import { Cache } from '../machinery/cache.ts';
import { AttachDetachController } from './attach-detach.ts';

const unused = new Client(() => Promise.reject(new Error('a controller never calls')));
const controller = new AttachDetachController(
  {
    volumes: new Cache({} as Env, unused, persistentVolumes),
    pods: new Cache({} as Env, unused, pods),
    attachments: new Cache({} as Env, unused, volumeAttachments),
    drivers: new Cache({} as Env, unused, csiDrivers),
  },
  { digest: () => 'digest' },
);
const meta = (name: string) => ({ name, uid: name, resourceVersion: '3', creationTimestamp: '2026-01-01T00:00:00Z' });
const volume = (mode = 'ReadWriteOnce'): PersistentVolume => ({
  apiVersion: 'v1',
  kind: 'PersistentVolume',
  metadata: meta('v'),
  spec: { accessModes: [mode], csi: { driver: 'example.com/csi', volumeHandle: 'h' } },
});
const pod = (name: string, nodeName: string): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: meta(name),
  spec: { containers: [], nodeName },
});
const attached = (nodeName: string): VolumeAttachment => ({
  apiVersion: 'storage.k8s.io/v1',
  kind: 'VolumeAttachment',
  metadata: meta('a'),
  spec: { attacher: 'example.com/csi', nodeName, source: { persistentVolumeName: 'v' } },
});
const created = {
  verb: 'create',
  kind: volumeAttachments,
  object: {
    metadata: { name: 'csi-digest' },
    spec: { attacher: 'example.com/csi', nodeName: 'n2', source: { persistentVolumeName: 'v' } },
  },
};

test('AttachDetachController attaches a volume where a pod is, and detaches it where none is', () => {
  const plan = (users: readonly Pod[], attachments: readonly VolumeAttachment[]) =>
    controller.plan({ volume: volume(), pods: users, attachments }).actions;
  assert.deepEqual(plan([pod('p', 'n2')], []), [[created]]);
  assert.deepEqual(plan([pod('p', 'n2')], [attached('n2')]), []);
  assert.deepEqual(plan([], [attached('n2')]), [
    [{ verb: 'delete', kind: volumeAttachments, key: { namespace: '', name: 'a' }, uid: 'a' }],
  ]);
});

test('AttachDetachController attaches a volume to one node at a time, unless it may be shared', () => {
  const users = [pod('p', 'n1'), pod('q', 'n2')];
  const [[told] = []] = controller.plan({ volume: volume(), pods: users, attachments: [attached('n1')] }).actions;
  assert.equal(
    told?.verb === 'event' && told.message,
    'Multi-Attach error for volume "v" Volume is already exclusively attached to one node and can\'t be attached to another',
  );
  const both = { volume: volume('ReadWriteMany'), pods: users, attachments: [attached('n1')] };
  assert.deepEqual(controller.plan(both).actions, [[created]]);
});
