import type { Service } from './service.ts';

/** What a service may still say, but should not. */
export function serviceWarnings(service: Service): readonly string[] {
  const spec = service.spec as Service['spec'] & {
    readonly loadBalancerIP?: string;
    readonly trafficDistribution?: string;
  };
  const annotations = service.metadata.annotations ?? {};
  const sentences: string[] = [];
  for (const name of ['topology-aware-hints', 'topology-mode']) {
    if (annotations[`service.kubernetes.io/${name}`] === undefined) continue;
    const better = name === 'topology-mode' ? 'spec.trafficDistribution' : 'service.kubernetes.io/topology-mode';
    sentences.push(`metadata.annotations[service.kubernetes.io/${name}]: deprecated; use ${better} instead`);
  }
  if ((spec.externalIPs ?? []).length > 0) {
    sentences.push('spec.externalIPs is deprecated and may no longer be implemented in some clusters');
  }
  if (spec.trafficDistribution === 'PreferClose') {
    sentences.push('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"');
  }
  if (spec.type === 'ExternalName' && (spec.externalIPs ?? []).length > 0) {
    sentences.push('spec.externalIPs is ignored when spec.type is "ExternalName"');
  }
  if (spec.type !== 'ExternalName' && spec.externalName) {
    sentences.push('spec.externalName is ignored when spec.type is not "ExternalName"');
  }
  return sentences;
}
