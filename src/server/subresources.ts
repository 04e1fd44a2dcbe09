import { atPath, withPath } from '../api/custom/json-path.ts';
import { ApiError } from '../api/error.ts';
import type { CustomForm } from '../api/kind.ts';
import type { Pod } from '../api/kinds/pod.ts';
import type { KubeObject, Meta } from '../api/object.ts';
import type { Instant } from '../base/env.ts';
import { isObject, type Json, type JsonObject } from '../base/json.ts';
import { timestamp } from '../base/text.ts';
import type { ResourceRoute } from './route.ts';
import { conflict } from './write.ts';

/** What a Binding does to its pod: it gets a node, once. */
export function bound(route: ResourceRoute, pod: Pod, binding: JsonObject, now: Instant): Pod {
  const node = requireTarget(binding);
  const { uid, annotations, labels } = (isObject(binding.metadata) ? binding.metadata : {}) as Partial<Meta>;
  if (uid !== undefined && uid !== '' && uid !== pod.metadata.uid) {
    throw conflict(
      route,
      `Precondition failed: UID in precondition: ${String(uid)}, UID in object meta: ${pod.metadata.uid}`,
    );
  }
  const at = `pod ${pod.metadata.name}`;
  if (pod.metadata.deletionTimestamp) throw conflict(route, `${at} is being deleted, cannot be assigned to a host`);
  if (pod.spec.nodeName)
    throw conflict(route, `${at} is already assigned to node ${JSON.stringify(pod.spec.nodeName)}`);
  const gates = pod.spec.schedulingGates ?? [];
  if (gates.length > 0) throw conflict(route, `${at} has non-empty .spec.schedulingGates`);
  const others = (pod.status?.conditions ?? []).filter((condition) => condition.type !== 'PodScheduled');
  const scheduled = {
    type: 'PodScheduled',
    status: 'True',
    lastProbeTime: null,
    lastTransitionTime: timestamp(now),
  };
  // Where it was hoped to go is of no interest any more.
  const { nominatedNodeName: _hoped, ...status } = pod.status ?? {};
  const metadata = {
    ...pod.metadata,
    ...(annotations ? { annotations: { ...pod.metadata.annotations, ...annotations } } : {}),
    ...(labels ? { labels: { ...pod.metadata.labels, ...labels } } : {}),
  };
  return {
    ...pod,
    metadata,
    spec: { ...pod.spec, nodeName: node },
    status: { ...status, conditions: [...others, scheduled] },
  };
}

/** The node that a binding names. Upstream answers a binding without one with an error that has no reason. */
export function requireTarget({ target }: JsonObject): string {
  const { kind = '', name = '' } = isObject(target) ? target : {};
  const wrong: string[] = [];
  if (kind !== '' && kind !== 'Node') {
    wrong.push(`target.kind: Unsupported value: ${JSON.stringify(kind)}: supported values: "Node", "<empty>"`);
  }
  if (typeof name !== 'string' || name === '') wrong.push('target.name: Required value');
  if (wrong.length > 0) {
    throw new ApiError('', wrong.length === 1 ? (wrong[0] as string) : `[${wrong.join(', ')}]`);
  }
  return name as string;
}

/** autoscaling/v1 Scale of whatever has replicas and a selector. */
export function scaleOf(object: KubeObject, paths?: ScalePaths): Json {
  if (paths) return customScale(object, paths);
  const spec = object.spec as { readonly replicas?: number } | undefined;
  const status = object.status as { readonly replicas?: number } | undefined;
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const selector = selectorText((object.spec as { readonly selector?: Json } | undefined)?.selector);
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, ...(namespace ? { namespace } : {}), uid, resourceVersion, creationTimestamp },
    spec: spec?.replicas ? { replicas: spec.replicas } : {},
    status: { replicas: status?.replicas ?? 0, ...(selector ? { selector } : {}) },
  };
}

export type ScalePaths = NonNullable<CustomForm['scale']>;

/** The same of a custom object, which says where its replicas are. */
function customScale(object: KubeObject, paths: ScalePaths): Json {
  const whole = object as unknown as Json;
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const replicas = atPath(whole, paths.specReplicasPath);
  const selector = paths.labelSelectorPath ? atPath(whole, paths.labelSelectorPath) : undefined;
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, ...(namespace ? { namespace } : {}), uid, resourceVersion, creationTimestamp },
    spec: replicas ? { replicas } : {},
    status: { replicas: atPath(whole, paths.statusReplicasPath) ?? 0, ...(selector ? { selector } : {}) },
  };
}

/** A selector as one text. A ReplicationController's is a plain map of labels. */
function selectorText(selector: Json | undefined): string {
  if (!isObject(selector)) return '';
  const labels = isObject(selector.matchLabels) ? selector.matchLabels : 'matchExpressions' in selector ? {} : selector;
  const equal = Object.keys(labels)
    .sort()
    .map((key) => `${key}=${String(labels[key])}`);
  const expressions = Array.isArray(selector.matchExpressions) ? selector.matchExpressions.map(expressionText) : [];
  return [...equal, ...expressions].join(',');
}

function expressionText(expression: Json): string {
  const { key, operator, values } = expression as {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  };
  if (operator === 'Exists') return key;
  if (operator === 'DoesNotExist') return `!${key}`;
  return `${key} ${operator === 'In' ? 'in' : 'notin'} (${[...(values ?? [])].sort().join(',')})`;
}

/** The object with the replicas that a Scale asks for. */
export function scaled(live: KubeObject, scale: JsonObject, paths?: ScalePaths): KubeObject {
  const asked = isObject(scale.spec) ? scale.spec.replicas : 0;
  if (paths) {
    const next = withPath(live as unknown as Json, paths.specReplicasPath, asked ?? 0) as unknown as KubeObject;
    return { ...next, metadata: { ...next.metadata, resourceVersion: revisionIn(scale) } };
  }
  const replicas = asked ?? 0;
  if (typeof replicas !== 'number' || !Number.isInteger(replicas) || replicas < 0) {
    const message = `Invalid value: ${JSON.stringify(replicas)}: must be greater than or equal to 0`;
    throw new ApiError(
      'Invalid',
      `Scale.autoscaling ${JSON.stringify(live.metadata.name)} is invalid: spec.replicas: ${message}`,
      {
        name: live.metadata.name,
        group: 'autoscaling',
        kind: 'Scale',
        causes: [{ reason: 'FieldValueInvalid', message, field: 'spec.replicas' }],
      },
    );
  }
  const metadata = { ...live.metadata, resourceVersion: revisionIn(scale) };
  return { ...live, metadata, spec: { ...(live.spec as object), replicas } };
}

function revisionIn({ metadata }: JsonObject): string {
  const revision = isObject(metadata) ? metadata.resourceVersion : undefined;
  return typeof revision === 'string' ? revision : '';
}
