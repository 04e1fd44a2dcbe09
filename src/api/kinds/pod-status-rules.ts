import { equalJson } from '../../base/json.ts';
import { dnsSubdomain, ipAddress, isIpv4, qualifiedName } from '../names.ts';
import type { Checked } from './checks.ts';
import { type Part, partOf, partsOf, textOf } from './defaulting.ts';

const ownConditions = ['PodScheduled', 'Ready', 'Initialized'];

/** What a node may say about a pod. */
export function validatePodStatus(root: Checked, previous: Checked): void {
  const status = root.at('status');
  const before = previous.at('status').part;
  for (const condition of status.at('conditions').items()) {
    const type = condition.at('type');
    if (!ownConditions.includes(type.text)) type.toldAt(`${condition.path}.Type`).like(qualifiedName);
    condition.at('observedGeneration').notNegative();
  }
  if (!equalJson(root.at('spec').part.nodeName, previous.at('spec').part.nodeName)) {
    status.at('nodeName').forbidden('may not be changed directly');
  }
  status.at('nominatedNodeName').optionalLike(dnsSubdomain);
  status.at('qosClass').same(before.qosClass);
  status.at('observedGeneration').notNegative();
  const policy = textOf(previous.at('spec').part.restartPolicy);
  const containers = partsOf(previous.at('spec').part.containers);
  const starters = partsOf(previous.at('spec').part.initContainers);
  staysEnded(status.at('containerStatuses'), before.containerStatuses, restartsOf(containers, policy));
  // An init container that failed is tried again unless the pod never restarts.
  staysEnded(status.at('initContainerStatuses'), before.initContainerStatuses, restartsOf(starters, policy));
  staysEnded(status.at('ephemeralContainerStatuses'), before.ephemeralContainerStatuses, () => 'Never');
  validateClaimStatuses(status.at('resourceClaimStatuses'), root.at('spec').part);
  validateAddresses(status.at('podIPs'));
  const hosts = status.at('hostIPs');
  const first = partsOf(hosts.value)[0];
  if (first !== undefined && first.ip !== status.part.hostIP) {
    hosts.toldAt('status.hostIPs[0].ip').invalidAs(first.ip, 'must be equal to `hostIP`');
  }
  validateAddresses(hosts);
}

type Restarts = (name: unknown) => string;
const restartsOf =
  (containers: readonly Part[], policy: string): Restarts =>
  (name) => {
    const own = containers.find((container) => container.name === name);
    // Rules for exit codes may start it again whatever the pod's policy says.
    return partsOf(own?.restartPolicyRules).length > 0 ? 'Always' : textOf(own?.restartPolicy) || policy;
  };

/** A container that ended for good has not begun again. */
function staysEnded(statuses: Checked, before: unknown, restarts: Restarts): void {
  const after = partsOf(statuses.value);
  for (const [index, old] of partsOf(before).entries()) {
    const terminated = partOf(old.state).terminated;
    const policy = restarts(old.name);
    if (terminated === undefined || policy === 'Always') continue;
    if (policy === 'OnFailure' && Number(partOf(terminated).exitCode ?? 0) !== 0) continue;
    const next = after.find(({ name }) => name === old.name);
    if (next === undefined || partOf(next.state).terminated !== undefined) continue;
    statuses.toldAt(`${statuses.path}[${index}].state`).forbidden('may not be transitioned to non-terminated state');
  }
}

function validateClaimStatuses(statuses: Checked, spec: Part): void {
  const known = new Set(partsOf(spec.resourceClaims).map(({ name }) => name));
  const seen = new Set<unknown>();
  for (const claim of statuses.items()) {
    const name = claim.at('name');
    if (!known.has(claim.part.name)) name.invalid('must match the name of an entry in `spec.resourceClaims`');
    if (seen.has(claim.part.name)) name.duplicate();
    seen.add(claim.part.name);
    for (const sentence of dnsSubdomain(textOf(claim.part.resourceClaimName) || 'a')) {
      name.invalidAs(claim.part.resourceClaimName, sentence);
    }
  }
}

function validateAddresses(addresses: Checked): void {
  const seen = new Set<string>();
  const families = new Set<boolean>();
  for (const address of addresses.items()) {
    const text = textOf(address.part.ip);
    for (const sentence of ipAddress(text)) address.invalidAs(text, sentence);
    if (seen.has(text)) address.duplicate();
    seen.add(text);
    families.add(isIpv4(text));
  }
  const count = addresses.items().length;
  if (count > 1 && families.size < count) addresses.invalid('may specify no more than one IP for each IP family');
}
