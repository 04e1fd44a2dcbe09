import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Caller } from '../../api/wire.ts';
import { MemoryStore } from '../../store/memory.ts';
import type { Attributes } from '../attributes.ts';
import { type PolicyRule, ruleAllows } from './policy-rule.ts';
import { Rbac } from './rbac.ts';
import { compacted, missingRules } from './rule-coverage.ts';

// Few words, so that rules meet each other and what is asked.
const some = (...words: string[]) => fc.array(fc.constantFrom(...words), { maxLength: 2 });
const verbs = ['get', 'list', 'delete'];
const groups = ['', 'apps'];
const resources = ['pods', 'secrets', 'pods/log', 'secrets/log'];
const names = ['one', 'two'];
const paths = ['/', '/api', '/api/v1', '/apis', '/healthz'];
const namespaces = ['a', 'b'];

const anyRule: fc.Arbitrary<PolicyRule> = fc.oneof(
  { weight: 4, arbitrary: resourceRule() },
  fc.record({ verbs: some(...verbs, '*'), nonResourceURLs: some(...paths, '*', '/api*', '/api/*', '/*') }),
);
function resourceRule(): fc.Arbitrary<PolicyRule> {
  return fc.record({
    verbs: some(...verbs, '*'),
    apiGroups: some(...groups, '*'),
    resources: some(...resources, '*', '*/log'),
    resourceNames: some(...names),
  });
}
const anyRules = fc.array(anyRule, { maxLength: 4 });

interface Given {
  /** '': of the whole cluster. */
  readonly namespace: string;
  readonly subject: { readonly kind: 'User' | 'Group'; readonly name: string };
  readonly rules: readonly PolicyRule[];
}
const anyGiven: fc.Arbitrary<Given> = fc.record({
  namespace: fc.constantFrom('', ...namespaces),
  subject: fc.constantFrom(
    { kind: 'User', name: 'jane' } as const,
    { kind: 'User', name: 'joe' } as const,
    { kind: 'Group', name: 'devs' } as const,
  ),
  rules: anyRules,
});

const callers: readonly Caller[] = [
  { name: 'jane', groups: [], extra: {} },
  { name: 'joe', groups: ['devs'], extra: {} },
  { name: 'stranger', groups: ['system:authenticated'], extra: {} },
];

/** Everything that can be asked in this small world. */
function questions(caller: Caller): readonly Attributes[] {
  const asked: Attributes[] = paths.flatMap((path) => verbs.map((verb) => ({ caller, verb, path })));
  for (const verb of verbs)
    for (const group of groups)
      for (const word of resources)
        for (const namespace of ['', ...namespaces])
          for (const name of ['', ...names]) {
            const [resource = '', subresource = ''] = word.split('/');
            asked.push({ caller, verb, group, version: 'v1', resource, subresource, namespace, name });
          }
  return asked;
}
const everything = callers.flatMap(questions);

/** The real authorizer with a role and a binding for each of what is given. */
async function allowedBy(given: readonly Given[]): Promise<readonly boolean[]> {
  const store = new MemoryStore();
  for (const [index, { namespace, subject, rules }] of given.entries()) {
    const name = `r${index}`;
    const metadata = { name, ...(namespace ? { namespace } : {}) };
    const prefix = `/rbac.authorization.k8s.io/${namespace ? '' : 'cluster'}`;
    const at = namespace ? `${namespace}/${name}` : name;
    await store.commit(`${prefix}roles/${at}`, 0, { metadata, rules } as never);
    const binding = { metadata, roleRef: { kind: namespace ? 'Role' : 'ClusterRole', name }, subjects: [subject] };
    await store.commit(`${prefix}rolebindings/${at}`, 0, binding as never);
  }
  const rbac = new Rbac(store);
  await rbac.ready();
  const decisions = await Promise.all(everything.map((asked) => rbac.authorize(asked)));
  return decisions.map(({ verdict }) => verdict === 'allow');
}

const isMeant = ({ namespace, subject }: Given, asked: Attributes): boolean => {
  const { name, groups: held } = asked.caller;
  const isSubject = subject.kind === 'User' ? subject.name === name : held.includes(subject.name);
  return isSubject && (namespace === '' || (!('path' in asked) && asked.namespace === namespace));
};
const runs = { numRuns: 60 };

test('roles together allow exactly what one rule of one of them allows, to whom and where it is bound', () =>
  fc.assert(
    fc.asyncProperty(fc.array(anyGiven, { maxLength: 5 }), async (given) => {
      const allowed = await allowedBy(given);
      for (const [index, asked] of everything.entries()) {
        const expected = given.some((one) => isMeant(one, asked) && one.rules.some((rule) => ruleAllows(rule, asked)));
        assert.equal(allowed[index], expected, JSON.stringify(asked));
      }
    }),
    runs,
  ));

test('one more rule or binding takes nothing away and gives nothing but its own, and without any nothing is left', () =>
  fc.assert(
    fc.asyncProperty(fc.array(anyGiven, { maxLength: 4 }), anyGiven, async (given, more) => {
      const [before, after, alone] = [
        await allowedBy(given),
        await allowedBy([...given, more]),
        await allowedBy([more]),
      ];
      assert.deepEqual(
        after,
        before.map((allowed, index) => allowed || alone[index]),
      );
      const emptied = await allowedBy([...given, more].map((one) => ({ ...one, rules: [] })));
      assert.equal(emptied.includes(true), false);
    }),
    runs,
  ));

test('what nobody may give away because he does not hold it is all that he does not hold', () =>
  fc.assert(
    fc.property(anyRules, anyRules, (held, wanted) => {
      if (missingRules(held, wanted).length > 0) return;
      for (const asked of questions(callers[0] as Caller)) {
        if (!wanted.some((rule) => ruleAllows(rule, asked))) continue;
        assert.ok(
          held.some((rule) => ruleAllows(rule, asked)),
          JSON.stringify(asked),
        );
      }
    }),
    { numRuns: 2_000 },
  ));

test('a rule is held by whoever holds it, and rules that are written shorter are the same rights', () =>
  fc.assert(
    fc.property(anyRules, (rules) => {
      assert.deepEqual(missingRules(rules, rules), []);
      const shorter = compacted(rules);
      for (const asked of questions(callers[0] as Caller)) {
        assert.equal(
          shorter.some((rule) => ruleAllows(rule, asked)),
          rules.some((rule) => ruleAllows(rule, asked)),
          JSON.stringify(asked),
        );
      }
    }),
    { numRuns: 500 },
  ));
