import { duplicate, type FieldError, forbidden, invalid, notSupported, required } from '../field-error.ts';
import { validateLabels } from '../metadata-rules.ts';
import { cidr, dnsLabel, dnsSubdomain, ipAddress, portNumber, qualifiedName } from '../names.ts';
import { portRules } from './container-rules.ts';
import { partOf } from './defaulting.ts';
import { byGrammar, immutable, oneOf } from './rules.ts';
import type { Service, ServicePort, ServiceSpec } from './service.ts';

const types = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
type Spec = ServiceSpec & {
  readonly loadBalancerClass?: string;
  readonly loadBalancerSourceRanges?: readonly string[];
  readonly allocateLoadBalancerNodePorts?: boolean;
  readonly trafficDistribution?: string;
};

export function serviceRules(next: Service, previous: Service | undefined): readonly FieldError[] {
  const spec = next.spec as Spec;
  const headless = spec.clusterIP === 'None';
  const ports = spec.ports ?? [];
  const errors: FieldError[] = [];
  if (ports.length === 0 && !headless && spec.type !== 'ExternalName') errors.push(required('spec.ports'));
  if (spec.type === 'LoadBalancer' && headless) {
    errors.push(invalid('spec.clusterIPs[0]', 'None', "may not be set to 'None' for LoadBalancer services"));
  }
  if (spec.type === 'ExternalName') errors.push(...externalNameRules(spec));
  errors.push(...portListRules(ports));
  errors.push(...validateLabels(spec.selector, 'spec.selector'));
  errors.push(...affinityRules(spec));
  errors.push(...familyRules(spec));
  for (const [index, address] of (spec.externalIPs ?? []).entries()) {
    errors.push(...byGrammar(ipAddress, address, `spec.externalIPs[${index}]`));
  }
  if (!types.includes(spec.type ?? '')) errors.push(notSupported('spec.type', spec.type ?? '', types));
  errors.push(...policyRules(spec), ...balancerRules(spec), ...changeRules(spec, previous?.spec as Spec | undefined));
  return errors;
}

function externalNameRules(spec: Spec): readonly FieldError[] {
  const errors: FieldError[] = [];
  if ((spec.clusterIPs ?? []).length > 0 || spec.clusterIP) {
    errors.push(forbidden('spec.clusterIPs', "may not be set when `type` is 'ExternalName'"));
  }
  // An address is a name too, but not one that resolves to another.
  const name = (spec.externalName ?? '').replace(/\.$/, '');
  if (name === '') return [...errors, required('spec.externalName')];
  return [...errors, ...byGrammar(dnsSubdomain, name, 'spec.externalName')];
}

function portListRules(ports: readonly ServicePort[]): readonly FieldError[] {
  const errors: FieldError[] = [];
  const names = new Set<string>();
  const seen = new Set<string>();
  const nodePorts = new Set<string>();
  for (const [index, port] of ports.entries()) {
    const at = `spec.ports[${index}]`;
    const name = port.name ?? '';
    if (name === '') {
      if (ports.length > 1) errors.push(required(`${at}.name`));
    } else {
      errors.push(...byGrammar(dnsLabel, name, `${at}.name`));
      if (names.has(name)) errors.push(duplicate(`${at}.name`, name));
      names.add(name);
    }
    for (const sentence of portNumber(port.port)) errors.push(invalid(`${at}.port`, port.port, sentence));
    errors.push(...oneOf(port.protocol, ['SCTP', 'TCP', 'UDP'], `${at}.protocol`));
    errors.push(...portRules(port.targetPort, `${at}.targetPort`));
    if (port.appProtocol !== undefined) errors.push(...byGrammar(qualifiedName, port.appProtocol, `${at}.appProtocol`));
    const key = `${port.protocol} ${port.port}`;
    if (seen.has(key)) {
      const shown = {
        Name: '',
        Protocol: port.protocol,
        AppProtocol: null,
        Port: port.port,
        TargetPort: 0,
        NodePort: 0,
      };
      errors.push(duplicate(at, shown));
    }
    seen.add(key);
    if (!port.nodePort) continue;
    const node = `${port.protocol} ${port.nodePort}`;
    if (nodePorts.has(node)) errors.push(duplicate(`${at}.nodePort`, port.nodePort));
    nodePorts.add(node);
  }
  return errors;
}

const affinityMax = 86_400;
function affinityRules(spec: Spec): readonly FieldError[] {
  const { sessionAffinity, sessionAffinityConfig } = spec;
  if (!sessionAffinity) return [required('spec.sessionAffinity')];
  const errors = [...oneOf(sessionAffinity, ['ClientIP', 'None'], 'spec.sessionAffinity')];
  if (sessionAffinity === 'ClientIP') {
    const seconds = partOf(partOf(sessionAffinityConfig).clientIP).timeoutSeconds;
    if (typeof seconds === 'number' && (seconds <= 0 || seconds > affinityMax)) {
      const sentence = `must be greater than 0 and less than ${affinityMax}`;
      errors.push(invalid('spec.sessionAffinityConfig.clientIP.timeoutSeconds', seconds, sentence));
    }
  }
  return errors;
}

function familyRules(spec: Spec): readonly FieldError[] {
  const errors: FieldError[] = [];
  const families = new Set<string>();
  for (const [index, family] of (spec.ipFamilies ?? []).entries()) {
    errors.push(...oneOf(family, ['IPv4', 'IPv6'], `spec.ipFamilies[${index}]`));
    if (families.has(family)) errors.push(duplicate(`spec.ipFamilies[${index}]`, family));
    families.add(family);
  }
  const policies = ['PreferDualStack', 'RequireDualStack', 'SingleStack'];
  errors.push(...oneOf(spec.ipFamilyPolicy, policies, 'spec.ipFamilyPolicy'));
  for (const [index, address] of (spec.clusterIPs ?? []).entries()) {
    if (address === 'None' && index === 0) continue;
    errors.push(...byGrammar(ipAddress, address, `spec.clusterIPs[${index}]`));
  }
  return errors;
}

function policyRules(spec: Spec): readonly FieldError[] {
  const errors: FieldError[] = [];
  const policies = ['Cluster', 'Local'];
  const reachable = spec.type === 'NodePort' || spec.type === 'LoadBalancer' || (spec.externalIPs ?? []).length > 0;
  if (spec.externalTrafficPolicy !== undefined) {
    if (!reachable) {
      const sentence = 'may only be set for externally-accessible services';
      errors.push(invalid('spec.externalTrafficPolicy', spec.externalTrafficPolicy, sentence));
    } else errors.push(...oneOf(spec.externalTrafficPolicy, policies, 'spec.externalTrafficPolicy'));
  }
  errors.push(...oneOf(spec.internalTrafficPolicy, policies, 'spec.internalTrafficPolicy'));
  const distributions = ['PreferClose', 'PreferSameZone', 'PreferSameNode'];
  errors.push(...oneOf(spec.trafficDistribution, distributions, 'spec.trafficDistribution'));
  return errors;
}

function balancerRules(spec: Spec): readonly FieldError[] {
  const errors: FieldError[] = [];
  const only = "may only be used when `type` is 'LoadBalancer'";
  const balanced = spec.type === 'LoadBalancer';
  const ranges = spec.loadBalancerSourceRanges ?? [];
  if (ranges.length > 0) {
    if (!balanced) errors.push(forbidden('spec.LoadBalancerSourceRanges', only));
    for (const [index, range] of ranges.entries()) {
      errors.push(...byGrammar(cidr, range.trim(), `spec.LoadBalancerSourceRanges[${index}]`));
    }
  }
  if (spec.allocateLoadBalancerNodePorts !== undefined && !balanced) {
    errors.push(forbidden('spec.allocateLoadBalancerNodePorts', only));
  }
  if (spec.loadBalancerClass !== undefined) {
    if (!balanced) errors.push(forbidden('spec.loadBalancerClass', only));
    else errors.push(...byGrammar(qualifiedName, spec.loadBalancerClass, 'spec.loadBalancerClass'));
  }
  return errors;
}

/** A cluster address stays, once given, as long as the service has one. */
function changeRules(spec: Spec, previous: Spec | undefined): readonly FieldError[] {
  if (!previous || previous.type === 'ExternalName' || spec.type === 'ExternalName') return [];
  const [before, after] = [previous.clusterIPs?.[0], spec.clusterIPs?.[0]];
  if (before === undefined || after === undefined || before === after) return [];
  return [invalid('spec.clusterIPs[0]', spec.clusterIPs, immutable)];
}
