import { type Kind, resourceText } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import { type Amounts, whole } from './amounts.ts';
import { claimEvaluator } from './claims.ts';
import { deviceClaimEvaluator } from './device-claims.ts';
import { podEvaluator } from './pods.ts';
import type { Scope } from './scopes.ts';
import { serviceEvaluator } from './services.ts';

/** What of a request tells whether more may be used after it. */
export interface Use {
  readonly operation: string;
  readonly route: { readonly subresource: string };
}
/** How objects of a kind count against quotas. */
export interface Evaluator {
  /** Whether such a request can use more than before. */
  handles(request: Use): boolean;
  /** Whether a quota on a resource of that name is about these objects. */
  limits(resource: string): boolean;
  inScope(scope: Scope, object: KubeObject): boolean;
  /** What the object would have to say because these resources are limited; undefined: it says all. */
  lacking?(resources: readonly string[], object: KubeObject): string | undefined;
  usage(object: KubeObject): Amounts;
}

const evaluators: Readonly<Record<string, Evaluator>> = {
  pods: podEvaluator,
  services: serviceEvaluator,
  persistentvolumeclaims: claimEvaluator,
  'resourceclaims.resource.k8s.io': deviceClaimEvaluator,
};
/** Kinds that had a name of their own in quotas before all could be counted. */
const ownNames = new Set(['configmaps', 'resourcequotas', 'replicationcontrollers', 'secrets']);
const counted = new Map<string, Evaluator>();

export function evaluatorOf(kind: Kind): Evaluator {
  const resource = resourceText(kind);
  const special = evaluators[resource];
  if (special) return special;
  let found = counted.get(resource);
  if (!found) {
    found = counting(resource);
    counted.set(resource, found);
  }
  return found;
}

/** Objects of which nothing counts but how many there are. */
function counting(resource: string): Evaluator {
  const names = [`count/${resource}`, ...(ownNames.has(resource) ? [resource] : [])];
  const usage: Amounts = new Map(names.map((name) => [name, whole(1)]));
  return {
    handles: ({ operation, route }) => operation === 'CREATE' && route.subresource === '',
    limits: (name) => names.includes(name),
    inScope: () => false,
    usage: () => usage,
  };
}
