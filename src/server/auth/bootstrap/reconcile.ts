import type { Env } from '../../../base/env.ts';
import { equalJson, isObject, type Json, type JsonObject } from '../../../base/json.ts';
import { timestamp } from '../../../base/text.ts';
import type { Entry, Store } from '../../../store/store.ts';
import { rbacGroup, rbacPrefix } from '../binding-index.ts';
import type { PolicyRule } from '../policy-rule.ts';
import { compacted, missingRules } from '../rule-coverage.ts';
import { type ClusterFacts, otherObjects } from './objects.ts';
import { type BootstrapBinding, type BootstrapRole, bootstrapBindings, bootstrapRoles } from './policy.ts';

const autoUpdate = 'rbac.authorization.kubernetes.io/autoupdate';
const annotations = { [autoUpdate]: 'true' };
const bootstrapping = { 'kubernetes.io/bootstrapping': 'rbac-defaults' };
const apiVersion = `${rbacGroup}/v1`;

/**
 * What every cluster has from the start. At each start what is missing is made, and rules and subjects that were taken
 * out of the system's own roles are put back: a cluster cannot be locked out of itself for longer than a restart.
 * Everything is written in one batch.
 */
export async function reconcileBootstrap(env: Env, store: Store, facts: ClusterFacts): Promise<void> {
  const there = await existing(store);
  const writes: Promise<unknown>[] = [];
  const put = (key: string, value: JsonObject | undefined) => {
    const entry = there.get(key);
    if (value !== undefined) writes.push(store.commit(key, entry?.modified ?? 0, value));
  };
  const fresh = (value: JsonObject): JsonObject => ({
    ...value,
    metadata: {
      ...(value.metadata as JsonObject),
      uid: env.random.uid(),
      creationTimestamp: timestamp(env.clock.now()),
    },
  });
  for (const role of bootstrapRoles()) {
    const key = keyOf(role, 'roles');
    put(key, nextRole(role, there.get(key)?.value, fresh));
  }
  for (const binding of bootstrapBindings()) {
    const key = keyOf(binding, 'rolebindings');
    put(key, nextBinding(binding, there.get(key)?.value, fresh));
  }
  for (const { key, value, always } of otherObjects(facts, timestamp(env.clock.now()))) {
    const old = there.get(key)?.value;
    if (!isObject(old)) put(key, fresh(value));
    else if (always && !sameContent(old, value)) put(key, { ...value, metadata: old.metadata as JsonObject });
  }
  await Promise.all(writes);
}

async function existing(store: Store): Promise<ReadonlyMap<string, Entry>> {
  const prefixes = [
    ...['roles', 'clusterroles', 'rolebindings', 'clusterrolebindings'].map(rbacPrefix),
    '/flowcontrol.apiserver.k8s.io/',
    '/scheduling.k8s.io/',
    '/core/configmaps/kube-system/',
    '/core/endpoints/default/kubernetes',
    '/discovery.k8s.io/endpointslices/default/kubernetes',
  ];
  const lists = await Promise.all(prefixes.map((prefix) => store.list(prefix)));
  return new Map(lists.flatMap(({ entries }) => entries.map((entry) => [entry.key, entry] as const)));
}

const keyOf = ({ namespace, name }: { namespace: string; name: string }, plural: string): string =>
  namespace ? `${rbacPrefix(plural)}${namespace}/${name}` : `${rbacPrefix(`cluster${plural}`)}${name}`;

/** Undefined where nothing is to be changed, or where the operator has asked for it to be left alone. */
function nextRole(role: BootstrapRole, old: Json | undefined, fresh: (value: JsonObject) => JsonObject) {
  const { namespace, name, rules, labels, aggregationRule } = role;
  if (!isObject(old)) {
    const metadata = metadataOf(namespace, name, labels);
    return fresh({
      apiVersion,
      kind: namespace ? 'Role' : 'ClusterRole',
      metadata,
      ...(aggregationRule ? { aggregationRule } : {}),
      rules: rules as unknown as Json,
    });
  }
  const metadata = old.metadata as JsonObject;
  if (isLeftAlone(metadata)) return undefined;
  const held = (old.rules ?? []) as unknown as readonly PolicyRule[];
  // What an aggregated role holds is the controller's work.
  // Nearly always they are as they were made: comparing is cheaper than working out what is lacking.
  const asMade = aggregationRule !== undefined || equalJson(held, rules);
  const missing = asMade ? [] : compacted(missingRules(held, rules));
  const withLabels = labelled(metadata, labels);
  const lacksAggregation = aggregationRule && !isObject(old.aggregationRule);
  if (missing.length === 0 && withLabels === metadata && !lacksAggregation) return undefined;
  return {
    ...old,
    metadata: withLabels,
    ...(lacksAggregation ? { aggregationRule } : {}),
    rules: [...held, ...missing] as unknown as Json,
  };
}

function nextBinding(binding: BootstrapBinding, old: Json | undefined, fresh: (value: JsonObject) => JsonObject) {
  const { namespace, name, role, subjects } = binding;
  const roleRef = { apiGroup: rbacGroup, kind: namespace ? 'Role' : 'ClusterRole', name: role };
  const wanted = subjects as readonly JsonObject[];
  const made = {
    apiVersion,
    kind: namespace ? 'RoleBinding' : 'ClusterRoleBinding',
    metadata: metadataOf(namespace, name, {}),
    ...(wanted.length > 0 ? { subjects: wanted } : {}),
    roleRef,
  };
  if (!isObject(old)) return fresh(made);
  const metadata = old.metadata as JsonObject;
  if (isLeftAlone(metadata)) return undefined;
  const held = (old.subjects ?? []) as readonly JsonObject[];
  // A binding cannot be pointed elsewhere: one that was made anew under the same name is made anew again.
  if ((old.roleRef as JsonObject).name !== role) return fresh({ ...made, subjects: [...held, ...wanted] });
  const missing = wanted.filter((subject) => !held.some((known) => sameSubject(known, subject)));
  const withLabels = labelled(metadata, {});
  if (missing.length === 0 && withLabels === metadata) return undefined;
  return { ...old, metadata: withLabels, subjects: [...held, ...missing] };
}

const metadataOf = (namespace: string, name: string, labels: JsonObject): JsonObject => ({
  name,
  ...(namespace ? { namespace } : {}),
  labels: { ...bootstrapping, ...labels },
  annotations,
});

const isLeftAlone = ({ annotations: given }: JsonObject): boolean => isObject(given) && given[autoUpdate] === 'false';

/** The same metadata where every label and annotation is there already. */
function labelled(metadata: JsonObject, labels: JsonObject): JsonObject {
  const wanted: JsonObject = { ...bootstrapping, ...labels };
  const had = isObject(metadata.labels) ? metadata.labels : {};
  const noted = isObject(metadata.annotations) ? metadata.annotations : {};
  const same = Object.entries(wanted).every(([key, value]) => had[key] === value) && noted[autoUpdate] === 'true';
  return same ? metadata : { ...metadata, labels: { ...had, ...wanted }, annotations: { ...noted, ...annotations } };
}

const sameSubject = (left: JsonObject, right: JsonObject): boolean =>
  ['kind', 'namespace', 'name'].every((key) => (left[key] ?? '') === (right[key] ?? ''));

function sameContent({ metadata: _old, ...left }: JsonObject, { metadata: _new, ...right }: JsonObject): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}
