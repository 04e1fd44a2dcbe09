import { duplicate, invalid, required } from '../field-error.ts';
import { validateLabels } from '../metadata-rules.ts';
import { dnsLabel, dnsSubdomain, portName, portNumber, qualifiedName } from '../names.ts';
import { endpointAddressSentences, strictAddress, strictRange } from './addresses.ts';
import { type Checked, rulesOf } from './checks.ts';
import { mapOf } from './defaulting.ts';
import { validateAddress } from './ingress-rules.ts';
import { addressChangeRules, clusterAddressRules } from './service-address-rules.ts';

const types = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
const protocols = ['SCTP', 'TCP', 'UDP'];
const onlyBalanced = "may only be used when `type` is 'LoadBalancer'";

export const serviceRules = rulesOf(
  (root, previous) => {
    const spec = root.at('spec');
    const before = previous?.at('spec');
    if (before) addressChangeRules(spec, before);
    topologyRules(root.at('metadata').at('annotations'));
    typeRules(spec);
    portListRules(spec);
    spec.add(...validateLabels(mapOf(spec.part.selector), 'spec.selector'));
    affinityRules(spec);
    clusterAddressRules(spec);
    for (const address of spec.at('externalIPs').items()) {
      address.like(strictAddress);
      for (const sentence of endpointAddressSentences(address.text)) address.invalid(sentence);
    }
    spec.at('type').neededOneOf(...types);
    if (spec.part.type === 'ClusterIP') {
      for (const port of spec.at('ports').items()) {
        const node = port.at('nodePort');
        if (node.number !== 0) node.forbidden("may not be used when `type` is 'ClusterIP'");
      }
    }
    repeatRules(spec.at('ports'));
    balancerRules(root, before);
    policyRules(spec);
  },
  (root) => statusRules(root),
);

const hints = 'service.kubernetes.io/topology-aware-hints';
const mode = 'service.kubernetes.io/topology-mode';
function topologyRules(annotations: Checked): void {
  const { [hints]: old, [mode]: now } = annotations.part;
  if (old === undefined || now === undefined || old === now) return;
  annotations.key(mode).invalid(`must match annotations[${hints}] when both are specified`);
}

const kubeletPort = 10_250;
function typeRules(spec: Checked): void {
  const { type } = spec.part;
  const headless = spec.part.clusterIP === 'None';
  const ports = spec.at('ports');
  if (ports.isEmpty && !headless && type !== 'ExternalName') ports.add(required(ports.path));
  if (type === 'LoadBalancer') {
    for (const port of ports.items()) {
      if (port.at('port').number === kubeletPort) {
        port.invalid('may not expose port 10250 externally since it is used by kubelet');
      }
    }
  }
  if (headless && (type === 'LoadBalancer' || type === 'NodePort')) {
    spec.add(invalid('spec.clusterIPs[0]', 'None', `may not be set to 'None' for ${type} services`));
  }
  if (type === 'ExternalName') externalNameRules(spec);
}

function externalNameRules(spec: Checked): void {
  for (const key of ['clusterIPs', 'ipFamilies', 'ipFamilyPolicy']) {
    if (!spec.at(key).isEmpty) spec.at(key).forbidden("may not be set when `type` is 'ExternalName'");
  }
  const name = spec.at('externalName');
  // A dot at its end says that the name is whole.
  const text = name.text.replace(/\.$/, '');
  if (text === '') name.add(required(name.path));
  else for (const sentence of dnsSubdomain(text)) name.add(invalid(name.path, text, sentence));
}

function portListRules(spec: Checked): void {
  const ports = spec.at('ports').items();
  const names = new Set<string>();
  for (const port of ports) {
    const name = port.at('name');
    if (name.isEmpty) {
      if (ports.length > 1) name.add(required(name.path));
    } else {
      name.like(dnsLabel);
      if (names.has(name.text)) name.add(duplicate(name.path, name.text));
      names.add(name.text);
    }
    numberRules(port.at('port'));
    port.at('protocol').neededOneOf(...protocols);
    const target = port.at('targetPort');
    if (typeof target.value === 'string') target.like(portName);
    else numberRules(target);
    const application = port.at('appProtocol');
    if (!application.isAbsent) application.like(qualifiedName);
  }
}

function numberRules(port: Checked): void {
  for (const sentence of portNumber(port.number)) port.add(invalid(port.path, port.number, sentence));
}

/** One protocol at one number may stand there once, inside the cluster and on the nodes. */
function repeatRules(ports: Checked): void {
  const nodes = new Set<string>();
  for (const port of ports.items()) {
    const node = port.at('nodePort');
    if (node.number === 0) continue;
    const key = `${port.at('protocol').text} ${node.number}`;
    if (nodes.has(key)) node.add(duplicate(node.path, node.number));
    nodes.add(key);
  }
  const seen = new Set<string>();
  for (const port of ports.items()) {
    const [Protocol, Port] = [port.at('protocol').text, port.at('port').number];
    const shown = { Name: '', Protocol, AppProtocol: null, Port, TargetPort: 0, NodePort: 0 };
    if (seen.has(`${Protocol} ${Port}`)) port.add(duplicate(port.path, shown));
    seen.add(`${Protocol} ${Port}`);
  }
}

const affinityMax = 86_400;
function affinityRules(spec: Checked): void {
  const affinity = spec.at('sessionAffinity');
  if (!affinity.neededOneOf('ClientIP', 'None')) return;
  const config = spec.at('sessionAffinityConfig');
  if (affinity.text === 'None') {
    if (!config.isAbsent) config.forbidden('must not be set when session affinity is None');
    return;
  }
  const client = config.at('clientIP');
  const seconds = client.at('timeoutSeconds');
  for (const part of [config, client, seconds]) {
    if (!part.isAbsent) continue;
    part.add(required(part.path, 'when session affinity type is ClientIP'));
    return;
  }
  if (seconds.number <= 0 || seconds.number > affinityMax) {
    seconds.invalid(`must be greater than 0 and less than ${affinityMax}`);
  }
}

const rangesAnnotation = 'service.beta.kubernetes.io/load-balancer-source-ranges';
function balancerRules(root: Checked, before: Checked | undefined): void {
  const spec = root.at('spec');
  const balanced = spec.part.type === 'LoadBalancer';
  const ranges = spec.at('loadBalancerSourceRanges');
  const annotation = root.at('metadata').at('annotations').key(rangesAnnotation);
  if (!ranges.isEmpty) {
    // Upstream spells this path with a capital letter.
    const path = 'spec.LoadBalancerSourceRanges';
    if (!balanced) ranges.toldAt(path).forbidden(onlyBalanced);
    for (const [index, range] of ranges.items().entries()) rangeRules(range.toldAt(`${path}[${index}]`), range.text);
  } else if (!annotation.isAbsent) {
    if (!balanced) annotation.forbidden(onlyBalanced);
    else if (annotation.text.trim() !== '') {
      for (const range of annotation.text.split(',')) rangeRules(annotation, range);
    }
  }
  const allocate = spec.at('allocateLoadBalancerNodePorts');
  if (!balanced && !allocate.isAbsent) allocate.forbidden(onlyBalanced);
  if (balanced && allocate.isAbsent) allocate.add(required(allocate.path));
  const balancer = spec.at('loadBalancerClass');
  if (!balanced) {
    if (!balancer.isAbsent) balancer.forbidden(onlyBalanced);
    return;
  }
  if (before?.part.type === 'LoadBalancer') balancer.same(before.part.loadBalancerClass, 'may not change once set');
  if (!balancer.isAbsent) balancer.like(qualifiedName);
}

/** Blanks around a range are an old habit that is put up with. */
function rangeRules(at: Checked, text: string): void {
  for (const sentence of strictRange(text.trim())) at.add(invalid(at.path, text.trim(), sentence));
}

function policyRules(spec: Checked): void {
  const { type } = spec.part;
  const reachable =
    type === 'NodePort' || type === 'LoadBalancer' || (type === 'ClusterIP' && !spec.at('externalIPs').isEmpty);
  const outer = spec.at('externalTrafficPolicy');
  if (!reachable) {
    if (!outer.isEmpty) outer.invalid('may only be set for externally-accessible services');
  } else outer.neededOneOf('Cluster', 'Local');
  const health = spec.at('healthCheckNodePort');
  if (type === 'LoadBalancer' && outer.text === 'Local') {
    if (health.number === 0) health.add(required(health.path));
    else numberRules(health);
  } else if (health.number !== 0) {
    health.invalid("may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'");
  }
  const inner = spec.at('internalTrafficPolicy');
  if (!inner.isAbsent) inner.oneOf('Cluster', 'Local');
  else if (['ClusterIP', 'LoadBalancer', 'NodePort'].includes(String(type))) inner.add(required(inner.path));
  spec.at('trafficDistribution').optionalOneOf('PreferClose', 'PreferSameZone', 'PreferSameNode');
}

function statusRules(root: Checked): void {
  const ingresses = root.at('status').at('loadBalancer').at('ingress');
  if (root.at('spec').part.type !== 'LoadBalancer' && !ingresses.isEmpty) {
    return ingresses.forbidden("may only be used when `spec.type` is 'LoadBalancer'");
  }
  for (const ingress of ingresses.items()) {
    const ip = ingress.at('ip');
    const mode = ingress.at('ipMode');
    validateAddress(ingress);
    if (!ip.isEmpty && mode.isAbsent) mode.add(required(mode.path, 'must be specified when `ip` is set'));
    if (ip.isEmpty && !mode.isAbsent) mode.forbidden('may not be specified when `ip` is not set');
    else mode.optionalOneOf('Proxy', 'VIP');
  }
}
