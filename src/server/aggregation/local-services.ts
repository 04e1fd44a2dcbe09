import type { Kind } from '../../api/kind.ts';
import { type APIService, apiServices } from '../../api/kinds/api-service.ts';
import type { Env } from '../../base/env.ts';
import { isObject, type JsonObject } from '../../base/json.ts';
import { timestamp } from '../../base/text.ts';
import type { Store } from '../../store/store.ts';
import { storageKey, storagePrefix } from '../kinds.ts';

/** Where groups and versions stand among others in discovery: upstream's own order. */
const priorities: Readonly<Record<string, readonly [group: number, version: number]>> = {
  'v1.': [18_000, 1],
  'v1.apps': [17_800, 15],
  'v1.events.k8s.io': [17_750, 15],
  'v1.authentication.k8s.io': [17_700, 15],
  'v1.authorization.k8s.io': [17_600, 15],
  'v1.autoscaling': [17_500, 15],
  'v2.autoscaling': [17_500, 30],
  'v1.batch': [17_400, 15],
  'v1.certificates.k8s.io': [17_300, 15],
  'v1.networking.k8s.io': [17_200, 15],
  'v1.policy': [17_100, 15],
  'v1.rbac.authorization.k8s.io': [17_000, 15],
  'v1.storage.k8s.io': [16_800, 15],
  'v1.apiextensions.k8s.io': [16_700, 15],
  'v1.admissionregistration.k8s.io': [16_700, 15],
  'v1.scheduling.k8s.io': [16_600, 15],
  'v1.coordination.k8s.io': [16_500, 15],
  'v1.node.k8s.io': [16_300, 15],
  'v1.discovery.k8s.io': [16_200, 15],
  'v1.resource.k8s.io': [16_200, 21],
  'v1.flowcontrol.apiserver.k8s.io': [16_100, 21],
};
const customPriority = [1_000, 100] as const;
const managedLabel = 'kube-aggregator.kubernetes.io/automanaged';
/** The group that serves the objects themselves has none. */
const ownGroup = 'apiregistration.k8s.io';

const kind = apiServices as unknown as Kind;

/** A version that is served here without a kind of the registry. */
export interface LocalVersion {
  readonly group: string;
  readonly version: string;
  readonly priority: readonly [group: number, version: number];
}
interface Served {
  readonly kinds: readonly Kind[];
  readonly own: readonly LocalVersion[];
}

/** Makes an object for every group and version that is served here, and takes away those of what is served no more. */
export async function reconcileLocal(env: Env, store: Store, { kinds, own }: Served): Promise<void> {
  const { entries } = await store.list(storagePrefix(kind));
  const there = new Map(entries.map((entry) => [entry.key, entry]));
  const wanted = new Map<string, JsonObject>();
  for (const one of kinds) {
    if (one.group === ownGroup) continue;
    const name = `${one.version}.${one.group}`;
    const key = storageKey(kind, '', name);
    if (wanted.has(key)) continue;
    wanted.set(key, localService(env, { ...one, priority: priorities[name] ?? customPriority }, Boolean(one.custom)));
  }
  for (const one of own) wanted.set(storageKey(kind, '', `${one.version}.${one.group}`), localService(env, one, false));
  const writes: Promise<unknown>[] = [];
  for (const [key, value] of wanted) if (!there.has(key)) writes.push(store.commit(key, 0, value));
  for (const [key, { value, modified }] of there) {
    const { metadata, spec } = value as unknown as APIService;
    const isOurs = isObject(spec) && spec.service === undefined && metadata.labels?.[managedLabel] !== undefined;
    if (isOurs && !wanted.has(key)) writes.push(store.commit(key, modified, undefined));
  }
  await Promise.all(writes);
}

function localService(env: Env, { group, version, priority }: LocalVersion, isCustom: boolean): JsonObject {
  const now = timestamp(env.clock.now());
  const [groupPriorityMinimum, versionPriority] = priority;
  const name = `${version}.${group}`;
  return {
    apiVersion: kind.apiVersion,
    kind: kind.kind,
    metadata: {
      name,
      uid: env.random.uid(),
      creationTimestamp: now,
      labels: { [managedLabel]: isCustom ? 'true' : 'onstart' },
    },
    spec: { ...(group ? { group } : {}), version, groupPriorityMinimum, versionPriority },
    status: { conditions: [availableCondition(now, 'True', 'Local', 'Local APIServices are always available')] },
  };
}

export const availableCondition = (now: string, status: string, reason: string, message: string): JsonObject => ({
  type: 'Available',
  status,
  lastTransitionTime: now,
  reason,
  message,
});
