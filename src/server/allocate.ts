import { ApiError } from '../api/error.ts';
import { type FieldError, invalid, invalidObject } from '../api/field-error.ts';
import { checked } from '../api/kinds/checks.ts';
import type { Service, ServicePort, ServiceSpec } from '../api/kinds/service.ts';
import { clusterAddressRules } from '../api/kinds/service-address-rules.ts';
import { inheritedSpec } from '../api/kinds/service-changes.ts';
import type { Draft } from '../api/object.ts';
import type { Random } from '../base/env.ts';
import { AddressRanges, addressNumber, addressText, reservedOf } from './address-ranges.ts';
import { NumberPool } from './number-pool.ts';

export interface AllocatorOptions {
  /** Where cluster addresses come from: '10.96.0.0/16'. */
  readonly serviceRange: string;
  readonly nodePortMin?: number;
  readonly nodePortMax?: number;
  readonly random: Random;
}

export type ServiceDraft = Draft<Service>;

/** What was reserved for one write. Exactly one of the two ends it. */
export interface Allocation {
  readonly service: ServiceDraft;
  /** The write is stored: what the previous service had and this one has not is free again. */
  keep(): void;
  /** The write failed, or was a dry run: what it had newly taken is free again. */
  undo(): void;
}

type Spec = ServiceSpec & { readonly allocateLoadBalancerNodePorts?: boolean };
type Claim = readonly ['ip' | 'port', number];

/**
 * Chooses and guards cluster addresses and node ports. It reserves before the commit, in one thread, so that two
 * writes can never be given the same. Rebuilt from the stored services when a server starts.
 */
export class ServiceAllocator {
  /** What objects of the cluster say of addresses is told here. */
  readonly ranges: AddressRanges;
  readonly #ports: NumberPool;

  constructor(options: AllocatorOptions, stored: readonly Service[] = []) {
    const { nodePortMin = 30_000, nodePortMax = 32_767 } = options;
    const random = options.random.fork('service-allocator');
    this.ranges = new AddressRanges(options.serviceRange, random);
    const ports = nodePortMax - nodePortMin + 1;
    this.#ports = new NumberPool({ min: nodePortMin, max: nodePortMax, reserved: reservedOf(ports / 32), random });
    // The first address belongs to the API server's own service, whenever that is made.
    this.ranges.take(this.ranges.first, ownService);
    for (const service of stored) {
      const owner = ownerOf(service);
      for (const [pool, number] of this.#claims(service.spec)) this.#pool(pool).take(number, owner);
    }
  }

  /** Throws the ApiError that the caller is to hear; then nothing is reserved. */
  allocate(draft: ServiceDraft, previous?: Service, isDryRun = false): Allocation {
    const owner = ownerOf(draft);
    const before = previous ? this.#claims(previous.spec) : [];
    const taken: Claim[] = [];
    const undo = () => {
      for (const [pool, number] of taken.splice(0)) this.#pool(pool).give(number, owner);
    };
    const isNew = previous === undefined;
    const writing: Writing = { name: draft.metadata.name ?? '', owner, before, taken, isDryRun, isNew };
    try {
      let spec: Spec = previous ? inheritedSpec(draft.spec, previous.spec) : withAddressList(draft.spec);
      const wrong = checked({ spec }, (root) => clusterAddressRules(root.at('spec')));
      if (wrong.length > 0) throw refused(writing, wrong);
      spec = this.#withAddress(withFamilies(spec, writing.name), writing);
      spec = this.#withNodePorts(spec, writing);
      spec = this.#withHealthPort(spec, writing);
      const after = this.#claims(spec);
      const keep = () => {
        taken.length = 0;
        for (const claim of before) if (!includes(after, claim)) this.#pool(claim[0]).give(claim[1], owner);
      };
      return { service: { ...draft, spec }, keep, undo };
    } catch (error) {
      undo();
      throw error;
    }
  }

  /** After the service is gone from the store. */
  release(service: Service): void {
    const owner = ownerOf(service);
    for (const [pool, number] of this.#claims(service.spec)) {
      if (pool === 'ip' && number === this.ranges.first) continue;
      this.#pool(pool).give(number, owner);
    }
  }

  #pool(name: Claim[0]): AddressRanges | NumberPool {
    return name === 'ip' ? this.ranges : this.#ports;
  }

  #withAddress(spec: Spec, writing: Writing): Spec {
    if (!usesClusterIp(spec)) return spec;
    const wanted = spec.clusterIPs?.[0] || spec.clusterIP || '';
    if (wanted === 'None') return { ...spec, clusterIP: 'None', clusterIPs: ['None'] };
    if (wanted === '' && writing.isDryRun) {
      const text = addressText(this.ranges.first - 1);
      return { ...spec, clusterIP: text, clusterIPs: [text] };
    }
    if (wanted === '') {
      const chosen = this.ranges.choose(writing.owner);
      if (chosen === undefined) throw new ApiError('InternalError', 'failed to allocate a serviceIP: range is full');
      writing.taken.push(['ip', chosen]);
      const text = addressText(chosen);
      return { ...spec, clusterIP: text, clusterIPs: [text] };
    }
    const number = addressNumber(wanted);
    const refuse = (reason: string) => {
      const text = `failed to allocate IP ${wanted}: ${reason}`;
      return refused(writing, [invalid('spec.clusterIPs', spec.clusterIPs ?? [wanted], text)]);
    };
    // Who has it keeps it, whatever has become of its range.
    const isOwn = number !== undefined && includes(writing.before, ['ip', number]);
    if (number === undefined || !(isOwn || this.ranges.holds(number))) {
      throw refuse(
        `the provided IP (${wanted}) is not in the valid range. The range of valid IPs is ${this.ranges.text}`,
      );
    }
    if (!this.#claim(['ip', number], writing)) throw refuse('provided IP is already allocated');
    return { ...spec, clusterIP: wanted, clusterIPs: spec.clusterIPs?.length ? spec.clusterIPs : [wanted] };
  }

  #withNodePorts(spec: Spec, writing: Writing): Spec {
    if (spec.type !== 'NodePort' && spec.type !== 'LoadBalancer') return spec;
    const choosing = spec.type === 'NodePort' || spec.allocateLoadBalancerNodePorts !== false;
    const asked = spec.ports ?? [];
    // One number may serve several protocols of one service: it is claimed once.
    const own = new Set<number>();
    const errors: FieldError[] = [];
    asked.forEach((port, index) => {
      const number = port.nodePort;
      if (!number || own.has(number)) return;
      const error = this.#portError(number, `spec.ports[${index}].nodePort`, writing);
      if (error) errors.push(error);
      else own.add(number);
    });
    if (errors.length > 0) throw refused(writing, errors);
    const ports: ServicePort[] = [];
    for (const port of asked) {
      if (port.nodePort || !choosing) ports.push(port);
      else {
        const twin = writing.isNew ? twinOf(port, [...ports, ...asked]) : undefined;
        ports.push({ ...port, nodePort: twin ?? this.#choosePort(writing, ports) });
      }
    }
    if (!writing.isNew) requireOwnNumbers(ports);
    return spec.ports ? { ...spec, ports } : spec;
  }

  #withHealthPort(spec: Spec, writing: Writing): Spec {
    if (spec.type !== 'LoadBalancer' || spec.externalTrafficPolicy !== 'Local') return spec;
    const asked = spec.healthCheckNodePort;
    if (!asked) return { ...spec, healthCheckNodePort: this.#choosePort(writing) };
    const error = this.#portError(asked, 'spec.healthCheckNodePort', writing);
    if (error) throw refused(writing, [error]);
    return spec;
  }

  #portError(number: number, path: string, writing: Writing): FieldError | undefined {
    if (!this.#ports.holds(number)) {
      const { min, max } = this.#ports;
      const range = `The range of valid ports is ${min}-${max}`;
      return invalid(path, number, `provided port is not in the valid range. ${range}`);
    }
    return this.#claim(['port', number], writing)
      ? undefined
      : invalid(path, number, 'provided port is already allocated');
  }

  #choosePort(writing: Writing, others: readonly ServicePort[] = []): number {
    if (writing.isDryRun) return Math.max(dryRunPort, ...others.map(({ nodePort = 0 }) => nodePort)) + 1;
    const chosen = this.#ports.choose(writing.owner);
    if (chosen === undefined) throw new ApiError('InternalError', 'failed to allocate a nodePort: range is full');
    writing.taken.push(['port', chosen]);
    return chosen;
  }

  /** What the same service holds already stays its own. */
  #claim(claim: Claim, writing: Writing): boolean {
    if (includes(writing.before, claim)) return true;
    // The API server's own service comes for the address that was kept for it.
    const kept = claim[0] === 'ip' && claim[1] === this.ranges.first && writing.owner === ownService;
    if (kept) return true;
    if (!this.#pool(claim[0]).take(claim[1], writing.owner)) return false;
    writing.taken.push(claim);
    return true;
  }

  #claims(spec: ServiceSpec): readonly Claim[] {
    const claims: Claim[] = [];
    if (usesClusterIp(spec)) {
      for (const ip of spec.clusterIPs?.length ? spec.clusterIPs : [spec.clusterIP ?? '']) {
        const number = addressNumber(ip);
        if (number !== undefined) claims.push(['ip', number]);
      }
    }
    const ports = [...(spec.ports ?? []).map((port) => port.nodePort), spec.healthCheckNodePort];
    for (const port of new Set(ports)) if (port && this.#ports.holds(port)) claims.push(['port', port]);
    return claims;
  }
}

const ownService = 'default/kubernetes';

interface Writing {
  readonly name: string;
  readonly owner: string;
  readonly before: readonly Claim[];
  readonly taken: Claim[];
  readonly isDryRun: boolean;
  /** Ports that come later each get a number of their own, as upstream has it. */
  readonly isNew: boolean;
}

const refused = (writing: Writing, errors: readonly FieldError[]): ApiError =>
  invalidObject({ group: '', kind: 'Service' }, writing.name, errors);

const includes = (claims: readonly Claim[], [pool, number]: Claim): boolean =>
  claims.some((claim) => claim[0] === pool && claim[1] === number);

const ownerOf = ({ metadata }: ServiceDraft): string => `${metadata.namespace ?? ''}/${metadata.name ?? ''}`;

const usesClusterIp = (spec: ServiceSpec): boolean => spec.type !== 'ExternalName';

/** What a dry run answers counts on from here: nothing is taken for it. */
const dryRunPort = 32_768;

/** The node port of the same port, be it under another protocol: DNS answers at one number for TCP and UDP. */
function twinOf(port: ServicePort, others: readonly ServicePort[]): number | undefined {
  return others.find((other) => other.nodePort && other.port === port.port)?.nodePort;
}

/** What nobody asked for twice, but got by the name of its port, upstream tells as a fault of its own. */
function requireOwnNumbers(ports: readonly ServicePort[]): void {
  const seen = new Set<string>();
  for (const { protocol = 'TCP', nodePort } of ports) {
    const text = `{${protocol} ${nodePort}}`;
    if (nodePort && seen.has(text)) throw new ApiError('', `duplicate nodePort: ${text}`);
    seen.add(text);
  }
}

/** Who names the older, single address means the list as well. */
const withAddressList = (spec: Spec): Spec =>
  spec.clusterIP && !spec.clusterIPs?.length ? { ...spec, clusterIPs: [spec.clusterIP] } : spec;

/** This cluster speaks IPv4. A headless service without a selector may be filled with both by whoever fills it. */
function withFamilies(spec: Spec, name: string): Spec {
  if (!usesClusterIp(spec)) return spec;
  const free = (spec.clusterIP || spec.clusterIPs?.[0]) === 'None' && Object.keys(spec.selector ?? {}).length === 0;
  if (free) {
    const asked = spec.ipFamilies;
    const single = spec.ipFamilyPolicy === 'SingleStack' || (!spec.ipFamilyPolicy && asked?.length === 1);
    const families = asked?.length ? asked : ['IPv4'];
    if (single) return { ...spec, ipFamilies: families, ipFamilyPolicy: 'SingleStack' };
    const both = families[0] === 'IPv6' ? ['IPv6', 'IPv4'] : ['IPv4', 'IPv6'];
    return { ...spec, ipFamilies: both, ipFamilyPolicy: spec.ipFamilyPolicy ?? 'RequireDualStack' };
  }
  const errors: FieldError[] = [];
  spec.ipFamilies?.forEach((family, index) => {
    if (family === 'IPv6') errors.push(invalid(`spec.ipFamilies[${index}]`, family, 'not configured on this cluster'));
  });
  if (spec.ipFamilyPolicy === 'RequireDualStack') {
    const text = 'this cluster is not configured for dual-stack services';
    errors.push(invalid('spec.ipFamilyPolicy', spec.ipFamilyPolicy, text));
  }
  if (errors.length > 0) throw invalidObject({ group: '', kind: 'Service' }, name, errors);
  const ipFamilies = spec.ipFamilies?.length ? spec.ipFamilies : ['IPv4'];
  return { ...spec, ipFamilies, ipFamilyPolicy: spec.ipFamilyPolicy ?? 'SingleStack' };
}
