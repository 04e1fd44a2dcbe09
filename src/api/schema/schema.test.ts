import assert from 'node:assert/strict';
import { test } from 'node:test';
import { schemaOf, type TypeRef, tableNames, typeNamed, typeNames } from './schema.ts';
import { resources } from './tables/resources.ts';

test('schemaOf knows every kind that discovery lists, and what its subresources speak', () => {
  const connect = /^(?:Node|Pod|Service)(?:Proxy|Exec|Attach|PortForward)Options$/;
  for (const facts of resources) {
    assert.ok(schemaOf(facts), `${facts.group}/${facts.version} ${facts.kind}`);
    for (const sub of facts.subresources) {
      if (!connect.test(sub.kind)) assert.ok(schemaOf(sub), `${facts.kind}/${sub.name} ${sub.kind}`);
    }
  }
});

test('every type that a field names is in the tables', () => {
  const visit = (ref: TypeRef): void => {
    if (ref.type === 'object') assert.equal(ref.object.name, ref.name);
    if (ref.type === 'list') visit(ref.items);
    if (ref.type === 'map') visit(ref.values);
  };
  for (const table of tableNames()) {
    for (const name of typeNames(table)) for (const field of typeNamed(name)?.fields ?? []) visit(field.ref);
  }
});

test('a field knows its list type, its keys, its merge key and its way through embedded structs', () => {
  const spec = typeNamed('core.v1.PodSpec');
  const containers = spec?.byName.get('containers');
  assert.equal(containers?.patchMergeKey, 'name');
  assert.deepEqual(containers?.mapKeys, ['name']);
  assert.equal(containers?.listType, 'map');
  assert.deepEqual(typeNamed('core.v1.Volume')?.byName.get('configMap')?.numbers, [2, 19]);
  assert.equal(spec?.byName.get('volumes')?.patchStrategy, 'merge,retainKeys');
});

test('schemaOf answers undefined for kinds and names that nobody has', () => {
  assert.equal(schemaOf({ group: '', version: 'v1', kind: 'constructor' }), undefined);
  assert.equal(schemaOf({ group: '__proto__', version: 'v1', kind: 'Pod' }), undefined);
  assert.equal(typeNamed('toString.v1.X'), undefined);
});
