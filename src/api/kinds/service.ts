import type { Kind } from '../kind.ts';
import { dnsLabel } from '../names.ts';
import type { KubeObject, Labels } from '../object.ts';
import { ageCell, columnsOf, labelsText } from './columns.ts';
import { changed, changedItems, filled, type Part, partOf, partsOf, textOf, textsOf } from './defaulting.ts';
import { defineKind } from './define.ts';
import type { IntOrString } from './pod.ts';
import { serviceRules } from './service-rules.ts';
import { serviceWarnings } from './service-warnings.ts';

export interface ServicePort {
  readonly name?: string;
  readonly protocol?: string;
  readonly appProtocol?: string;
  readonly port: number;
  readonly targetPort?: IntOrString;
  readonly nodePort?: number;
}
export interface ServiceSpec {
  readonly ports?: readonly ServicePort[];
  readonly selector?: Labels;
  readonly clusterIP?: string;
  readonly clusterIPs?: readonly string[];
  readonly type?: string;
  readonly externalIPs?: readonly string[];
  readonly externalName?: string;
  readonly sessionAffinity?: string;
  readonly sessionAffinityConfig?: { readonly clientIP?: { readonly timeoutSeconds?: number } };
  readonly publishNotReadyAddresses?: boolean;
  readonly ipFamilies?: readonly string[];
  readonly ipFamilyPolicy?: string;
  readonly internalTrafficPolicy?: string;
  readonly externalTrafficPolicy?: string;
  readonly healthCheckNodePort?: number;
  readonly loadBalancerSourceRanges?: readonly string[];
  readonly loadBalancerClass?: string;
  readonly trafficDistribution?: string;
}
export interface Service extends KubeObject<ServiceSpec, Readonly<Record<string, unknown>>> {
  readonly spec: ServiceSpec;
}

export const services: Kind<Service> = defineKind<Service>('v1', 'Service', {
  answersDeleted: true,
  hasGeneration: false,
  validateName: dnsLabel,
  validate: serviceRules,
  defaults: (service) => withAddressModes(changed(service, 'spec', specDefaults)),
  prepareUpdate: (next, previous, { subresource }) => {
    if (subresource === 'status') return { ...previous, metadata: next.metadata, ...statusOf(next) };
    // Without a balancer there is nothing that it could have given.
    const status = { ...partOf(previous.status), ...(next.spec.type === 'LoadBalancer' ? {} : { loadBalancer: {} }) };
    return { ...next, status };
  },
  warnings: serviceWarnings,
  columns: columnsOf('Name', 'Type', 'Cluster-IP', 'External-IP', 'Port(s)', 'Age', 'Selector:wide'),
  cells: (service, now) => [
    service.metadata.name,
    service.spec.type ?? '',
    service.spec.clusterIPs?.[0] ?? (service.spec.clusterIP || '<none>'),
    externalText(service),
    portsText(service.spec.ports ?? []),
    ageCell(service, now),
    labelsText(service.spec.selector),
  ],
  fields: (service) => ({ 'spec.clusterIP': service.spec.clusterIP ?? '', 'spec.type': service.spec.type ?? '' }),
});

const statusOf = ({ status }: Service) => (status === undefined ? {} : { status });

/** An address of a balancer is served as it is, where it does not say otherwise. */
const withAddressModes = (service: Service): Service =>
  service.spec?.type !== 'LoadBalancer'
    ? service
    : changed(service, 'status', (status) =>
        changed(status, 'loadBalancer', (balancer) =>
          changedItems(balancer, 'ingress', (ingress) => (ingress.ip ? filled(ingress, { ipMode: 'VIP' }) : ingress)),
        ),
      );

/** Three hours. */
const affinitySeconds = 10_800;

function specDefaults(given: Part): Part {
  let spec = filled(given, { sessionAffinity: 'None', type: 'ClusterIP' });
  if (spec.sessionAffinity === 'None' && spec.sessionAffinityConfig !== undefined) {
    const { sessionAffinityConfig: _unused, ...rest } = spec;
    spec = rest;
  }
  if (
    spec.sessionAffinity === 'ClientIP' &&
    partOf(partOf(spec.sessionAffinityConfig).clientIP).timeoutSeconds === undefined
  ) {
    spec = { ...spec, sessionAffinityConfig: { clientIP: { timeoutSeconds: affinitySeconds } } };
  }
  const type = spec.type as string;
  spec = changedItems(spec, 'ports', (port) => {
    const complete = filled(port, { protocol: 'TCP' });
    const { targetPort } = complete;
    return targetPort === undefined || targetPort === 0 || targetPort === ''
      ? { ...complete, targetPort: complete.port }
      : complete;
  });
  const reachable = type === 'NodePort' || type === 'LoadBalancer';
  const external = reachable || (textsOf(spec.externalIPs).length > 0 && type === 'ClusterIP');
  return filled(spec, {
    ...(external ? { externalTrafficPolicy: 'Cluster' } : {}),
    ...(type === 'ExternalName' ? {} : { internalTrafficPolicy: 'Cluster' }),
    ...(type === 'LoadBalancer' ? { allocateLoadBalancerNodePorts: true } : {}),
  });
}

function externalText({ spec, status }: Service): string {
  if (spec.type === 'ExternalName') return spec.externalName ?? '';
  const given = spec.externalIPs ?? [];
  if (spec.type !== 'LoadBalancer') return given.length > 0 ? given.join(',') : '<none>';
  const found = partsOf(partOf(partOf(status).loadBalancer).ingress).map(({ ip, hostname }) => textOf(ip ?? hostname));
  const all = [...found, ...given];
  return all.length > 0 ? all.join(',') : '<pending>';
}

function portsText(ports: readonly ServicePort[]): string {
  const texts = ports.map(({ port, nodePort, protocol = 'TCP' }) =>
    nodePort ? `${port}:${nodePort}/${protocol}` : `${port}/${protocol}`,
  );
  return texts.length > 0 ? texts.join(',') : '<none>';
}
