import { dnsLabel, dnsSubdomain } from '../names.ts';
import type { Checked } from './checks.ts';
import { type Part, partOf, partsOf, textOf } from './defaulting.ts';
import { idRules } from './security-context-rules.ts';

/** What a node says about the containers of a pod, besides how they run. */
export function containerStatusRules(status: Checked, spec: Part): void {
  const isWindows = partOf(spec.os).name === 'windows';
  for (const list of ['containerStatuses', 'initContainerStatuses', 'ephemeralContainerStatuses']) {
    for (const container of status.at(list).items()) userRules(container.at('user').at('linux'), isWindows);
  }
  for (const container of status.at('containerStatuses').items()) healthRules(container, spec.containers);
  for (const container of status.at('initContainerStatuses').items()) healthRules(container, spec.initContainers);
  for (const container of status.at('ephemeralContainerStatuses').items()) {
    const healths = container.at('allocatedResourcesStatus');
    if (!healths.isEmpty) healths.forbidden('must not be specified in container status');
  }
}

function userRules(user: Checked, isWindows: boolean): void {
  if (user.isAbsent) return;
  if (isWindows) return user.forbidden('cannot be set for a windows pod');
  for (const id of [user.at('uid'), user.at('gid'), ...user.at('supplementalGroups').items()]) idRules(id);
}

const messageBytesMax = 1_024;

/** How the devices of a container are. One that the pod does not have is nobody's business. */
function healthRules(status: Checked, containers: unknown): void {
  const container = partsOf(containers).find(({ name }) => name === status.part.name);
  for (const health of status.at('allocatedResourcesStatus').items()) {
    if (container) devicesNamed(health.at('name'), partOf(container.resources));
    const seen = new Set<string>();
    for (const resource of health.at('resources').items()) {
      resource.at('health').oneOf('Healthy', 'Unhealthy', 'Unknown');
      const message = resource.at('message');
      if (!message.isAbsent && message.needed('must be non-empty if specified')) message.bytesAtMost(messageBytesMax);
      const id = resource.at('resourceID');
      if (seen.has(id.text)) id.duplicate(id.text);
      seen.add(id.text);
    }
  }
}

function devicesNamed(name: Checked, resources: Part): void {
  if (!name.text.startsWith('claim:')) {
    if (Object.hasOwn(partOf(resources.requests), name.text)) return;
    return name.invalid("must match one of the container's resource requests");
  }
  const claims = partsOf(resources.claims).map(({ name: claim, request }) =>
    ['claim:', textOf(claim), request ? `/${textOf(request)}` : ''].join(''),
  );
  if (claims.includes(name.text)) return;
  const forms = "'claim:<claimName>/<request>' or 'claim:<claimName>' if request is empty";
  name.invalid(`must match one of the container's resource claims in a format ${forms}`);
}

/** Which claim stands for the devices that containers ask for by the names of resources. */
export function extendedClaimRules(claim: Checked, spec: Part): void {
  if (claim.isAbsent) return;
  const mappings = claim.at('requestMappings');
  mappings.needed('at least one request mapping is required');
  const containers = [...partsOf(spec.initContainers), ...partsOf(spec.containers)];
  const seen = new Set<string>();
  for (const mapping of mappings.items()) {
    const [owner, resource, request] = [
      mapping.at('containerName'),
      mapping.at('resourceName'),
      mapping.at('requestName'),
    ];
    const container = containers.find(({ name }) => name === owner.text);
    if (!container)
      owner.invalid('must match the name of an entry in spec.initContainers.name or spec.containers.name');
    else if (!Object.hasOwn(partOf(partOf(container.resources).requests), resource.text)) {
      const lists = 'spec.initContainers.resources.requests or spec.containers.resources.requests';
      resource.invalid(`must match the extended resource name of an entry in ${lists}`);
    }
    for (const sentence of dnsLabel(request.text)) claim.at('requestName').invalidAs(request.text, sentence);
    const key = [owner.text, resource.text, request.text].join('\n');
    if (seen.has(key)) for (const part of [owner, resource, request]) part.duplicate(part.text);
    seen.add(key);
  }
  const name = claim.at('resourceClaimName');
  if (name.needed()) name.like(dnsSubdomain);
}
