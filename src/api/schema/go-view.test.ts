import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goView } from './go-view.ts';

test('A structure shows each of its fields, absent ones as null or zero', () => {
  assert.deepEqual(goView('core.v1.Toleration', { key: 'a', operator: 'Exists' }), {
    Key: 'a',
    Operator: 'Exists',
    Value: '',
    Effect: '',
    TolerationSeconds: null,
  });
});

test('Structures inside of others are shown whole where they are always there', () => {
  assert.deepEqual(goView('storage.v1.VolumeAttachmentSpec', { attacher: 'a' }), {
    Attacher: 'a',
    Source: { PersistentVolumeName: null, InlineVolumeSpec: null },
    NodeName: '',
  });
});

test('Embedded metadata stands among the other fields as it was sent', () => {
  const template = { metadata: { labels: { a: 'b' } }, spec: {} };
  assert.deepEqual(goView('resource.v1.ResourceClaimTemplateSpec', template), {
    labels: { a: 'b' },
    Spec: { Devices: { Requests: null, Constraints: null, Config: null } },
  });
});

test('Names that are initials are written large, and what is not there is null', () => {
  assert.deepEqual(goView('resource.v1.DeviceSelector', { cel: { expression: 'x' } }), { CEL: { Expression: 'x' } });
  assert.equal(goView('resource.v1.DeviceSelector', undefined), null);
});
