import type { FieldError } from '../field-error.ts';
import { validateLabels } from '../metadata-rules.ts';
import { dnsLabel, dnsSubdomain, dnsSubdomainWithUnderscore, ipAddress, qualifiedName } from '../names.ts';
import { goView } from '../schema/go-view.ts';
import { Checked } from './checks.ts';
import { resourcesRules, validateContainers, validateHostPorts } from './container-rules.ts';
import { mapOf, type Part, textOf, textsOf } from './defaulting.ts';
import { validateAffinity, validateSpread, validateTolerations } from './pod-affinity-rules.ts';
import { validatePodResources } from './pod-resource-rules.ts';
import { validateHostProcesses, validateHostUsers, validateSystem } from './pod-system-rules.ts';
import { validatePodSecurity } from './security-context-rules.ts';
import { validateVolumes } from './volume-rules.ts';

/** What must hold for the spec of a template, whose pods have neither names nor labels yet. */
export function podSpecRules(spec: Part, path: string): readonly FieldError[] {
  const root = new Checked(spec, path);
  validatePodSpec(root, undefined);
  return root.errors;
}

const claimSentences = {
  both: 'at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified',
  none: 'must specify one of: `resourceClaimName`, `resourceClaimTemplateName`',
};

/** What must hold for a pod's spec, in a pod or in a template. */
export function validatePodSpec(spec: Checked, pod: Part | undefined): void {
  const labels = pod && mapOf(pod.labels);
  const grace = spec.part.terminationGracePeriodSeconds;
  const volumes = validateVolumes(spec.at('volumes'), { podName: pod && textOf(pod.name) });
  const claims = validateClaims(spec.at('resourceClaims'));
  validateContainers(spec, {
    volumes,
    claims,
    restartPolicy: textOf(spec.part.restartPolicy),
    graceSeconds: typeof grace === 'number' ? grace : undefined,
    ownUsers: spec.part.hostUsers === false,
  });
  validatePodResources(spec, claims);
  spec.at('restartPolicy').neededOneOf('Always', 'OnFailure', 'Never');
  spec.at('dnsPolicy').neededOneOf('ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None');
  spec.add(...validateLabels(mapOf(spec.part.nodeSelector), `${spec.path}.nodeSelector`));
  validatePodSecurity(spec.at('securityContext'), spec);
  validateHostPorts(spec, pod !== undefined);
  validateAffinity(spec.at('affinity'));
  validateDns(spec.at('dnsConfig'), textOf(spec.part.dnsPolicy));
  for (const gate of spec.at('readinessGates').items()) gate.at('conditionType').like(qualifiedName);
  validateSchedulingGates(spec.at('schedulingGates'));
  validateSpread(spec.at('topologySpreadConstraints'), labels);
  validateHostProcesses(spec);
  validateHostUsers(spec);
  validateNames(spec);
  validateTolerations(spec.at('tolerations'));
  validateHostAliases(spec.at('hostAliases'));
  const overhead = spec.at('overhead');
  // What the runtime itself takes is bounded like what a container takes.
  if (!overhead.isAbsent) spec.add(...resourcesRules({ limits: overhead.value }, overhead.path));
  validateSystem(spec);
}

function validateNames(spec: Checked): void {
  for (const field of ['serviceAccountName', 'nodeName', 'priorityClassName']) {
    spec.at(field).optionalLike(dnsSubdomain);
  }
  spec.at('activeDeadlineSeconds').between(1, 2 ** 31 - 1, 'must be between 1 and 2147483647, inclusive');
  spec.at('hostname').optionalLike(dnsLabel);
  spec.at('subdomain').optionalLike(dnsLabel);
  validateHostnameOverride(spec);
  if (!spec.at('runtimeClassName').isAbsent) spec.at('runtimeClassName').like(dnsSubdomain);
  const preemption = spec.at('preemptionPolicy');
  if (!preemption.isAbsent && preemption.needed()) preemption.oneOf('PreemptLowerPriority', 'Never');
}

const hostnameBytesMax = 64;
function validateHostnameOverride(spec: Checked): void {
  const name = spec.at('hostnameOverride');
  if (name.isAbsent) return;
  name.bytesAtMost(hostnameBytesMax);
  name.like(dnsSubdomain);
  if (spec.part.setHostnameAsFQDN === true) name.forbidden('may not be specified when setHostnameAsFQDN is true');
  if (spec.part.hostNetwork === true) name.forbidden('may not be specified when hostNetwork is true');
}

/** The claims to devices that a pod names. Answers their names, by which its containers call them. */
function validateClaims(claims: Checked): ReadonlySet<string> {
  const names = new Set<string>();
  for (const claim of claims.items()) {
    const name = claim.at('name');
    if (name.isEmpty) name.missing();
    else if (names.has(name.text)) name.duplicate(name.text);
    else name.like(dnsLabel);
    names.add(name.text);
    const given = ['resourceClaimName', 'resourceClaimTemplateName'].filter((field) => !claim.at(field).isAbsent);
    const shown = goView('core.v1.PodResourceClaim', claim.value);
    if (given.length === 2) claim.invalidAs(shown, claimSentences.both);
    if (given.length === 0) claim.invalidAs(shown, claimSentences.none);
    for (const field of given) claim.at(field).like(dnsSubdomain);
  }
  names.delete('');
  return names;
}

const serversMax = 3;
const searchesMax = 32;
const searchLengthMax = 2048;

function validateDns(config: Checked, policy: string): void {
  const servers = config.at('nameservers');
  if (policy === 'None') {
    if (config.isAbsent) config.missing('must provide `dnsConfig` when `dnsPolicy` is None');
    else servers.needed('must provide at least one DNS nameserver when `dnsPolicy` is None');
    if (servers.isEmpty) return;
  }
  if (servers.items().length > serversMax) servers.invalid(`must not have more than ${serversMax} nameservers`);
  for (const server of servers.items()) server.like(ipAddress);
  const searches = config.at('searches');
  if (searches.items().length > searchesMax) searches.invalid(`must not have more than ${searchesMax} search paths`);
  if (textsOf(searches.value).join(' ').length > searchLengthMax) {
    searches.invalid(`must not have more than ${searchLengthMax} characters (including spaces) in the search list`);
  }
  for (const search of searches.items()) {
    if (search.text === '.') continue;
    for (const sentence of dnsSubdomainWithUnderscore(search.text.replace(/\.$/, ''))) search.invalid(sentence);
  }
  for (const option of config.at('options').items()) {
    if (option.at('name').isEmpty) option.missing('must not be empty');
  }
}

function validateSchedulingGates(gates: Checked): void {
  const names = new Set<string>();
  for (const gate of gates.items()) {
    const name = textOf(gate.part.name);
    for (const sentence of qualifiedName(name)) gate.invalidAs(name, sentence);
    if (names.has(name)) gate.duplicate(name);
    names.add(name);
  }
}

function validateHostAliases(aliases: Checked): void {
  for (const alias of aliases.items()) {
    alias.at('ip').like(ipAddress);
    for (const name of alias.at('hostnames').items()) name.like(dnsSubdomain);
  }
}
