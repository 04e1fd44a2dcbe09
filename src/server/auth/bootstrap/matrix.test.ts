import assert from 'node:assert/strict';
import { test } from 'node:test';
import { builtInKinds } from '../../../api/kinds/all.ts';
import type { Caller } from '../../../api/wire.ts';
import { hash32 } from '../../../base/hash.ts';
import type { Attributes } from '../../attributes.ts';
import { ruleAllows } from '../policy-rule.ts';
import { missingRules } from '../rule-coverage.ts';
import { matrix } from './matrix.test-data.ts';
import { type BootstrapRole, bootstrapBindings, bootstrapRoles } from './policy.ts';

const caller: Caller = { name: '', groups: [], extra: {} };
const verbs = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'];
const special = ['approve', 'bind', 'escalate', 'impersonate', 'sign', 'use'];
const paths = ['/', '/api', '/api/v1', '/apis', '/healthz', '/livez', '/metrics', '/openapi/v2', '/version', '/logs/x'];

/** Every verb on every resource and part of one, and on paths: as texts, in an order that stays. */
function questions(): ReadonlyMap<string, Attributes> {
  const place = { caller, version: 'v1', namespace: 'a', name: 'x' };
  const found = new Map<string, Attributes>();
  for (const { group, plural, subresources } of builtInKinds) {
    for (const subresource of ['', ...subresources.map(({ name }) => name)]) {
      for (const verb of [...verbs, ...special]) {
        const text = `${verb} ${plural}${subresource && `/${subresource}`} ${group}`;
        found.set(text, { ...place, verb, group, resource: plural, subresource });
      }
    }
  }
  for (const path of paths) found.set(`get ${path}`, { caller, verb: 'get', path });
  return new Map([...found].sort(([left], [right]) => (left < right ? -1 : 1)));
}

const asked = questions();
const roles = bootstrapRoles();
const role = (name: string) => roles.find((one) => one.name === name) as BootstrapRole;
/** A rule for some names counts as one for all: the questions are about no object in particular. */
function may({ rules }: BootstrapRole): readonly string[] {
  const nameless = rules.map(({ resourceNames: _names, ...rule }) => rule);
  return [...asked].flatMap(([text, attributes]) =>
    nameless.some((rule) => ruleAllows(rule, attributes)) ? [text] : [],
  );
}

test('every role of the system allows what it did when it was compared with a real cluster, and nothing else', () => {
  const actual = roles.map((one) => {
    const allowed = may(one);
    const name = one.namespace ? `${one.namespace}/${one.name}` : one.name;
    return `${name} ${allowed.length} ${hash32(allowed.join('\n')).toString(16)}`;
  });
  assert.deepEqual(actual.sort(), matrix.trim().split('\n'));
});

test('who may view reads no secret and writes nothing', () => {
  const allowed = may(role('view'));
  assert.deepEqual(
    allowed.filter((text) => !/^(get|list|watch) /.test(text) || /secrets|exec|attach|portforward|proxy/.test(text)),
    [],
  );
});

test('who may edit gives nobody rights, and touches neither quota, nor limits, nor the namespace', () => {
  const allowed = may(role('edit')).filter((text) => !/^(get|list|watch) /.test(text));
  assert.deepEqual(
    allowed.filter((text) =>
      /rbac\.|resourcequotas|limitranges|namespaces|nodes|persistentvolumes |admission/.test(text),
    ),
    [],
  );
});

test('view is inside edit, edit inside admin, admin inside cluster-admin', () => {
  for (const [inner, outer] of [
    ['view', 'edit'],
    ['edit', 'admin'],
    ['admin', 'cluster-admin'],
  ] as const) {
    assert.deepEqual(missingRules(role(outer).rules, role(inner).rules), [], `${inner} in ${outer}`);
  }
});

test('everybody who is not authenticated is bound to public information only', () => {
  const bound = bootstrapBindings().filter(({ subjects }) =>
    subjects.some(({ name }) => name === 'system:unauthenticated'),
  );
  assert.deepEqual(
    bound.map(({ role: name }) => name),
    ['system:public-info-viewer'],
  );
  assert.deepEqual(may(role('system:public-info-viewer')), ['get /healthz', 'get /livez', 'get /version']);
});

test('only masters are bound to every right', () => {
  const bound = bootstrapBindings().filter((binding) => binding.role === 'cluster-admin');
  assert.deepEqual(
    bound.map(({ subjects }) => subjects),
    [[{ kind: 'Group', apiGroup: 'rbac.authorization.k8s.io', name: 'system:masters' }]],
  );
});

test('every binding names a role that is there', () => {
  for (const { namespace, role: name } of bootstrapBindings()) {
    assert.ok(
      roles.some((one) => one.name === name && one.namespace === namespace),
      name,
    );
  }
});
