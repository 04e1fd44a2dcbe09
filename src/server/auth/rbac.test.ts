import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Caller } from '../../api/wire.ts';
import { seeded } from '../../base/random.ts';
import { MemoryStore } from '../../store/memory.ts';
import type { Attributes, ResourceAttributes } from '../attributes.ts';
import { type PolicyRule, ruleAllows } from './policy-rule.ts';
import { Rbac } from './rbac.ts';
import { compacted, missingRules, ruleText } from './rule-coverage.ts';

const jane: Caller = { name: 'jane', groups: ['system:authenticated'], extra: {} };
const asks = (verb: string, resource: string, more: Partial<ResourceAttributes> = {}): ResourceAttributes => {
  const [name = '', subresource = ''] = resource.split('/');
  const place = { group: '', version: 'v1', namespace: 'a', name: '' };
  return { caller: jane, verb, resource: name, subresource, ...place, ...more };
};
const rule = (verbs: string, resources: string, more: Partial<PolicyRule> = {}): PolicyRule => ({
  verbs: verbs.split(','),
  apiGroups: [''],
  resources: resources.split(','),
  ...more,
});

async function world() {
  const store = new MemoryStore();
  const rbac = new Rbac(store);
  const write = async (kind: string, at: string, value: object) => {
    const key = `/rbac.authorization.k8s.io/${kind}/${at}`;
    const { entry } = await store.get(key);
    const [namespace, name] = at.includes('/') ? at.split('/') : [undefined, at];
    const metadata = { name, ...(namespace ? { namespace } : {}) };
    await store.commit(key, entry?.modified ?? 0, { metadata, ...value } as never);
  };
  const verdict = async (attributes: Attributes) => (await rbac.authorize(attributes)).verdict;
  return { store, rbac, write, verdict };
}
const user = (name: string) => [{ kind: 'User', name }];

test('a RoleBinding gives a ClusterRole in its own namespace only, and nothing of the whole cluster', async () => {
  const { write, verdict } = await world();
  await write('clusterroles', 'all', { rules: [rule('*', '*'), { verbs: ['*'], nonResourceURLs: ['*'] }] });
  await write('rolebindings', 'a/b', { roleRef: { kind: 'ClusterRole', name: 'all' }, subjects: user('jane') });
  assert.equal(await verdict(asks('get', 'secrets')), 'allow');
  assert.equal(await verdict(asks('get', 'secrets', { namespace: 'b' })), 'none');
  assert.equal(await verdict(asks('list', 'nodes', { namespace: '' })), 'none');
  assert.equal(await verdict({ caller: jane, verb: 'get', path: '/metrics' }), 'none');
});

test('a right goes with its binding, its subject, its role and its rule, at once', async () => {
  const { store, write, verdict } = await world();
  const bound = { roleRef: { kind: 'Role', name: 'r' }, subjects: user('jane') };
  await write('roles', 'a/r', { rules: [rule('get', 'pods')] });
  await write('rolebindings', 'a/b', bound);
  assert.equal(await verdict(asks('get', 'pods')), 'allow');
  await write('rolebindings', 'a/b', { ...bound, subjects: user('joe') });
  assert.equal(await verdict(asks('get', 'pods')), 'none');
  await write('rolebindings', 'a/b', bound);
  await write('roles', 'a/r', { rules: [] });
  assert.equal(await verdict(asks('get', 'pods')), 'none');
  await write('roles', 'a/r', { rules: [rule('get', 'pods')] });
  assert.equal(await verdict(asks('get', 'pods')), 'allow');
  const { entry } = await store.get('/rbac.authorization.k8s.io/rolebindings/a/b');
  await store.commit('/rbac.authorization.k8s.io/rolebindings/a/b', entry?.modified ?? 0, undefined);
  assert.equal(await verdict(asks('get', 'pods')), 'none');
});

test('a ServiceAccount without a namespace is the one beside its binding, and a user of that name is it', async () => {
  const { write, rbac } = await world();
  await write('clusterroles', 'r', { rules: [rule('get', 'pods')] });
  const subjects = [{ kind: 'ServiceAccount', name: 'builder' }];
  await write('rolebindings', 'a/b', { roleRef: { kind: 'ClusterRole', name: 'r' }, subjects });
  const caller = { ...jane, name: 'system:serviceaccount:a:builder' };
  assert.deepEqual(await rbac.authorize({ ...asks('get', 'pods'), caller }), {
    verdict: 'allow',
    reason: 'RBAC: allowed by RoleBinding "b/a" of ClusterRole "r" to ServiceAccount "builder/a"',
  });
});

test('a binding to a role that is not there gives nothing and says so', async () => {
  const { write, rbac } = await world();
  await write('clusterrolebindings', 'b', { roleRef: { kind: 'ClusterRole', name: 'gone' }, subjects: user('jane') });
  assert.deepEqual(await rbac.authorize(asks('get', 'pods')), {
    verdict: 'none',
    reason: 'RBAC: clusterrole.rbac.authorization.k8s.io "gone" not found',
  });
});

test('a rule for a resource is not for its parts, a rule for names is not for the list', () => {
  const pods = rule('get,list', 'pods');
  assert.equal(ruleAllows(pods, asks('get', 'pods')), true);
  assert.equal(ruleAllows(pods, asks('get', 'pods/log')), false);
  assert.equal(ruleAllows(rule('get', '*/scale'), asks('get', 'deployments/scale')), true);
  assert.equal(ruleAllows(rule('get', '*/scale'), asks('get', 'deployments')), false);
  assert.equal(ruleAllows(rule('get', 'pods/*'), asks('get', 'pods/log')), false);
  const one = rule('get,list', 'secrets', { resourceNames: ['one'] });
  assert.equal(ruleAllows(one, asks('get', 'secrets', { name: 'one' })), true);
  assert.equal(ruleAllows(one, asks('get', 'secrets', { name: 'two' })), false);
  assert.equal(ruleAllows(one, asks('list', 'secrets')), false);
});

test('a path is covered by itself, by a star at the end, and by nothing in the middle', () => {
  const covers = (url: string, path: string) =>
    ruleAllows({ verbs: ['get'], nonResourceURLs: [url] }, { caller: jane, verb: 'get', path });
  assert.equal(covers('/logs/*', '/logs/a/b'), true);
  assert.equal(covers('/logs/*', '/logs'), false);
  assert.equal(covers('/a/*/c', '/a/b/c'), false);
  assert.equal(covers('*', '/anything'), true);
});

const words = (random: ReturnType<typeof seeded>, from: readonly string[]): string[] => {
  const chosen = from.filter(() => random.below(3) === 0);
  return chosen.length > 0 ? chosen : [from[random.below(from.length)] as string];
};
function drawnRule(random: ReturnType<typeof seeded>): PolicyRule {
  const verbs = words(random, ['get', 'list', 'create', '*']);
  if (random.below(5) === 0) return { verbs, nonResourceURLs: words(random, ['/a', '/a/*', '/b', '*']) };
  return {
    verbs,
    apiGroups: words(random, ['', 'apps', '*']),
    resources: words(random, ['pods', 'pods/log', '*/log', 'secrets', '*']),
    ...(random.below(3) === 0 ? { resourceNames: words(random, ['one', 'two']) } : {}),
  };
}
function* everyQuestion(): Generator<Attributes> {
  for (const verb of ['get', 'list', 'create', 'delete']) {
    for (const path of ['/a', '/a/x', '/b', '/c']) yield { caller: jane, verb, path };
    for (const group of ['', 'apps', 'batch']) {
      for (const resource of ['pods', 'pods/log', 'secrets', 'jobs', 'jobs/log']) {
        for (const name of ['', 'one', 'two', 'three']) yield asks(verb, resource, { group, name });
      }
    }
  }
}
const questions = [...everyQuestion()];
const answers = (rules: readonly PolicyRule[]) => questions.map((asked) => rules.some((one) => ruleAllows(one, asked)));

test('nothing that is covered allows anything that is not held: no rule widens access', () => {
  const random = seeded('escalation');
  let covered = 0;
  for (let round = 0; round < 3_000; round++) {
    const held = Array.from({ length: 1 + random.below(4) }, () => drawnRule(random));
    const wanted = [drawnRule(random)];
    if (missingRules(held, wanted).length > 0) continue;
    covered++;
    const before = answers(held);
    const after = answers([...held, ...wanted]);
    assert.deepEqual(after, before, `${held.map(ruleText).join(' ')} covers ${wanted.map(ruleText).join(' ')}`);
  }
  assert.ok(covered > 100, `only ${covered} rounds were about something`);
});

test('putting rules together changes nothing that they allow, and adding rules only ever adds', () => {
  const random = seeded('compaction');
  for (let round = 0; round < 300; round++) {
    const rules = Array.from({ length: 4 }, () => drawnRule(random));
    assert.deepEqual(answers(compacted(rules)), answers(rules));
    const more = answers([...rules, drawnRule(random)]);
    assert.ok(answers(rules).every((allowed, index) => !allowed || more[index]));
  }
});
