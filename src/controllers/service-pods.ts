import type { Pod } from '../api/kinds/pod.ts';
import type { Service, ServicePort } from '../api/kinds/service.ts';
import { byKey, type Key, keyOf, type Labels } from '../api/object.ts';
import { matcherOf } from '../api/selector.ts';
import { compareText } from '../base/text.ts';
import type { Cache } from '../machinery/cache.ts';

/** Which pods are behind a Service, and which Services a pod is behind. */
export class ServicePods {
  readonly #services: Cache<Service>;
  readonly #pods: Cache<Pod>;

  constructor(services: Cache<Service>, pods: Cache<Pod>) {
    this.#services = services.index('selector', selectorPairs);
    this.#pods = pods.index('label', pairsOfPods());
  }

  /** A service is filed under one pair of its selector, so a pod asks only about its own labels. */
  servicesOf(pod: Pod): readonly Key[] {
    const keys: Key[] = [];
    for (const pair of pairsOf(pod)) {
      for (const service of this.#services.by('selector', pair)) if (selects(service, pod)) keys.push(keyOf(service));
    }
    return keys;
  }

  podsOf(service: Service): readonly Pod[] {
    const pairs = labelPairs(service.metadata.namespace, service.spec.selector);
    const buckets = pairs.map((pair) => this.#pods.by('label', pair));
    const smallest = buckets.reduce((best, bucket) => (bucket.length < best.length ? bucket : best));
    return smallest.filter((pod) => selects(service, pod)).sort(byKey);
  }
}

/** Without a selector someone else writes the slices; an external name has no endpoints at all. */
export const hasEndpoints = (service: Service): boolean =>
  service.spec.type !== 'ExternalName' && Object.keys(service.spec.selector ?? {}).length > 0;

/** Whether a Service has no address of its own: clients are told the pods' own. */
export const isHeadless = ({ spec }: Service): boolean => !spec.clusterIP || spec.clusterIP === 'None';
export const headlessLabel = 'service.kubernetes.io/headless';

export type Family = 'IPv4' | 'IPv6';
export const familyOf = (address: string): Family => (address.includes(':') ? 'IPv6' : 'IPv4');

/** The families of addresses that a Service speaks, the first one first. */
export function familiesOf({ spec }: Service): readonly Family[] {
  if (spec.ipFamilies && spec.ipFamilies.length > 0) return spec.ipFamilies as readonly Family[];
  return [spec.clusterIP && spec.clusterIP !== 'None' ? familyOf(spec.clusterIP) : 'IPv4'];
}

export const addressesOf = (pod: Pod, family: Family): readonly string[] => {
  const all = (pod.status?.podIPs ?? []).map(({ ip }) => ip);
  const known = all.length > 0 ? all : pod.status?.podIP ? [pod.status.podIP] : [];
  return known.filter((ip) => ip && familyOf(ip) === family);
};

/** What a port of a Service means on one pod; undefined where the pod has no port of that name. */
export function targetOf(port: ServicePort, pod: Pod): number | undefined {
  const { targetPort } = port;
  if (targetPort === undefined || targetPort === 0 || targetPort === '') return port.port;
  if (typeof targetPort === 'number') return targetPort;
  const sidecars = (pod.spec.initContainers ?? []).filter((container) => container.restartPolicy === 'Always');
  for (const container of [...pod.spec.containers, ...sidecars]) {
    for (const candidate of container.ports ?? []) {
      const sameProtocol = (candidate.protocol ?? 'TCP') === (port.protocol ?? 'TCP');
      if (candidate.name === targetPort && sameProtocol) return candidate.containerPort;
    }
  }
  return undefined;
}

/** The name by which other pods of the Service may call this one. */
export function hostnameOf(service: Service, pod: Pod): string | undefined {
  const { hostname, subdomain } = pod.spec;
  return hostname && subdomain === service.metadata.name ? hostname : undefined;
}

const selects = (service: Service, pod: Pod): boolean =>
  hasEndpoints(service) && matcherOf({ matchLabels: service.spec.selector ?? {} })(pod.metadata.labels);

const labelPairs = (namespace: string | undefined, labels: Labels | undefined): readonly string[] =>
  Object.entries(labels ?? {}).map(([key, value]) => `${namespace ?? ''} ${key}=${value}`);

/** Pods that one template made share their labels, and come one after the other: those of the last one are at hand. */
function pairsOfPods(): (pod: Pod) => readonly string[] {
  let last: Pick<Pod['metadata'], 'namespace' | 'labels'> = {};
  let pairs: readonly string[] = [];
  return ({ metadata: { namespace, labels } }) => {
    if (labels !== last.labels || namespace !== last.namespace) {
      pairs = labelPairs(namespace, labels);
      last = { ...(namespace === undefined ? {} : { namespace }), ...(labels ? { labels } : {}) };
    }
    return pairs;
  };
}

const pairsOf = pairsOfPods();

function selectorPairs(service: Service): readonly string[] {
  const pairs = labelPairs(service.metadata.namespace, service.spec.selector);
  return pairs.toSorted(compareText).slice(0, 1);
}
