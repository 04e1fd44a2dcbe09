import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '../../base/json.ts';
import { customKind } from '../custom/custom-kind.ts';
import { customDocuments } from './openapi-custom.ts';

const version = {
  name: 'v1',
  served: true,
  storage: true,
  schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object' } } } },
};
const kind = customKind(
  {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'gizmos.example.com' } as never,
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'gizmos', kind: 'Gizmo' },
      versions: [version],
    },
  },
  version,
);

test('A custom kind is described under the reversed name of its group', () => {
  const document = customDocuments([kind]).get('apis/example.com/v1') as JsonObject;
  const { schemas } = document.components as { schemas: JsonObject };
  const gizmo = schemas['com.example.v1.Gizmo'] as JsonObject;
  assert.deepEqual(Object.keys(gizmo.properties as object), ['spec', 'apiVersion', 'kind', 'metadata']);
  assert.ok(schemas['com.example.v1.GizmoList'] && schemas['io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta']);
  const text = JSON.stringify(document.paths);
  assert.match(text, /#\/components\/schemas\/com\.example\.v1\.GizmoList"/);
  assert.doesNotMatch(text, /protobuf|strategic|\/watch\/|io\.k8s\.api\.example/);
});
