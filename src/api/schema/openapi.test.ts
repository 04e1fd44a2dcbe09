import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openApiV2, openApiV3, openApiV3Index, openApiV3Paths } from './openapi.ts';

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly [key: string]: unknown }>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, { readonly properties?: Readonly<Record<string, unknown>> }>>;
  };
}

test('every name that an OpenAPI v3 document refers to is in it', () => {
  for (const path of openApiV3Paths()) {
    const document = openApiV3(path) as unknown as Document;
    for (const [, name = ''] of JSON.stringify(document).matchAll(/#\/components\/schemas\/([\w.-]+)/g)) {
      assert.ok(document.components.schemas[name], `${path} ${name}`);
    }
  }
});

test('a patch names its media types and parameters, so that kubectl knows what it may send', () => {
  const document = openApiV3('apis/apps/v1') as unknown as Document;
  const patch = document.paths['/apis/apps/v1/namespaces/{namespace}/deployments/{name}']?.patch;
  assert.deepEqual(patch?.['x-kubernetes-group-version-kind'], { group: 'apps', version: 'v1', kind: 'Deployment' });
  const parameters = (patch?.parameters ?? []) as readonly { readonly name: string }[];
  const names = parameters.map((parameter) => parameter.name);
  assert.deepEqual(names, ['dryRun', 'fieldManager', 'fieldValidation', 'force']);
  assert.ok(JSON.stringify(patch?.requestBody).includes('application/apply-patch+yaml'));
});

test('schemas carry list types and merge keys', () => {
  const schemas = (openApiV3('api/v1') as unknown as Document).components.schemas;
  assert.deepEqual(schemas['io.k8s.api.core.v1.PodSpec']?.properties?.hostAliases, {
    type: 'array',
    items: { allOf: [{ $ref: '#/components/schemas/io.k8s.api.core.v1.HostAlias' }], default: {} },
    'x-kubernetes-list-map-keys': ['ip'],
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-patch-merge-key': 'ip',
    'x-kubernetes-patch-strategy': 'merge',
  });
});

test('the index names every document with a hash, and the same one each time', () => {
  const { paths } = openApiV3Index() as {
    readonly paths: Readonly<Record<string, { readonly serverRelativeURL: string }>>;
  };
  assert.match(paths['api/v1']?.serverRelativeURL ?? '', /^\/openapi\/v3\/api\/v1\?hash=[0-9A-F]{32}$/);
  assert.deepEqual(openApiV3Index(), { paths });
});

test('the v2 document holds every definition under the name that it refers to', () => {
  const document = openApiV2() as { readonly definitions: Readonly<Record<string, unknown>> };
  for (const [, name = ''] of JSON.stringify(document).matchAll(/#\/definitions\/([\w.-]+)/g)) {
    assert.ok(document.definitions[name], name);
  }
});
