import { equalJson } from '../../base/json.ts';
import { internal } from '../field-error.ts';
import { dnsSubdomain, qualifiedName } from '../names.ts';
import { restartActionOf } from '../restart-rule.ts';
import { isAddress, isSix, strictAddress } from './addresses.ts';
import type { Checked } from './checks.ts';
import { type Part, partOf, partsOf, textOf } from './defaulting.ts';
import type { RestartRule } from './pod.ts';
import { containerStatusRules, extendedClaimRules } from './pod-container-status-rules.ts';

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
  nominationRules(status.at('nominatedNodeName'), before, previous);
  status.at('qosClass').same(before.qosClass);
  status.at('observedGeneration').notNegative();
  const policy = textOf(previous.at('spec').part.restartPolicy);
  const containers = partsOf(previous.at('spec').part.containers);
  const starters = partsOf(previous.at('spec').part.initContainers);
  // Where one may ask for all of them to begin anew, all of them may.
  if (![...containers, ...starters].some(endsAll)) {
    staysEnded(status.at('containerStatuses'), before.containerStatuses, restartsOf(containers, policy));
    staysEnded(status.at('initContainerStatuses'), before.initContainerStatuses, restartsOf(starters, policy));
  }
  staysEnded(status.at('ephemeralContainerStatuses'), before.ephemeralContainerStatuses, () => false);
  validateClaimStatuses(status.at('resourceClaimStatuses'), root.at('spec').part);
  extendedClaimRules(status.at('extendedResourceClaimStatus'), root.at('spec').part);
  containerStatusRules(status, root.at('spec').part);
  validateAddresses(status.at('podIPs'), before.podIPs);
  const hosts = status.at('hostIPs');
  const first = partsOf(hosts.value)[0];
  if (first !== undefined && textOf(first.ip) !== textOf(status.part.hostIP)) {
    hosts.toldAt('status.hostIPs[0].ip').invalidAs(first.ip, 'must be equal to `hostIP`');
  }
  validateAddresses(hosts, before.hostIPs);
}

/** A node that is to be made free for a pod is looked for only as long as the pod has none. */
function nominationRules(name: Checked, before: Part, previous: Checked): void {
  if (name.isEmpty || name.value === before.nominatedNodeName) return;
  name.like(dnsSubdomain);
  if (previous.at('spec').at('nodeName').isEmpty) return;
  name.forbidden('may not be set on pods that are already bound to a node');
}

type Restarts = (name: unknown, exitCode: number) => boolean;
/** What the rules of a container say about its exit code, else its own policy, else that of the pod. */
const restartsOf =
  (containers: readonly Part[], policy: string): Restarts =>
  (name, exitCode) => {
    const own = containers.find((container) => container.name === name);
    if (!own) return false;
    const rules = own.restartPolicyRules as readonly RestartRule[] | undefined;
    if (own.restartPolicy !== undefined && restartActionOf(rules, exitCode) !== undefined) return true;
    const word = textOf(own.restartPolicy) || policy;
    return word === 'OnFailure' ? exitCode !== 0 : word !== 'Never';
  };
const endsAll = (container: Part): boolean =>
  partsOf(container.restartPolicyRules).some(({ action }) => action === 'RestartAllContainers');

/** A container that ended for good has not begun again. */
function staysEnded(statuses: Checked, before: unknown, restarts: Restarts): void {
  const after = partsOf(statuses.value);
  for (const [index, old] of partsOf(before).entries()) {
    const terminated = partOf(old.state).terminated;
    if (terminated === undefined || restarts(old.name, Number(partOf(terminated).exitCode ?? 0))) continue;
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
      claim.at('resourceClaimName').invalid(sentence);
    }
  }
}

function validateAddresses(addresses: Checked, before: unknown): void {
  const known = new Set(partsOf(before).map(({ ip }) => textOf(ip)));
  const texts = addresses.items().map(({ part }) => textOf(part.ip));
  for (const address of addresses.items()) {
    const text = textOf(address.part.ip);
    // One that was there already may be as it is.
    const sentences = known.has(text) ? [] : strictAddress(text);
    for (const sentence of sentences) address.invalidAs(text, sentence);
  }
  if (texts.length < 2) return;
  const broken = texts.findIndex((text) => !isAddress(text));
  if (broken >= 0) {
    const why = `failed to check for dual stack with error:invalid IP[${broken}]: ${texts[broken]}`;
    addresses.add(internal(addresses.path, why));
  }
  if (broken < 0 && texts.length === 2 && new Set(texts.map(isSix)).size === 2) return;
  addresses.invalid('may specify no more than one IP for each IP family');
}
