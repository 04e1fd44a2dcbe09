import { qualifiedName } from '../names.ts';
import { tryParseQuantity } from '../quantity.ts';
import type { Checked } from './checks.ts';

// What names of resources mean: which are standard, which somebody owns, which are counted in whole numbers.

const computeNames = ['cpu', 'memory', 'ephemeral-storage'];
const countedNames = [
  'pods',
  'resourcequotas',
  'services',
  'replicationcontrollers',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
  'services.nodeports',
  'services.loadbalancers',
];
const quotaNames: ReadonlySet<string> = new Set([
  ...computeNames,
  ...computeNames.map((name) => `requests.${name}`),
  ...computeNames.map((name) => `limits.${name}`),
  'requests.storage',
  ...countedNames,
]);
const standardNames: ReadonlySet<string> = new Set([...quotaNames, 'storage']);
const wholeNames: ReadonlySet<string> = new Set(countedNames);

const hugePagePrefix = 'hugepages-';
export const isHugePage = (name: string): boolean => name.startsWith(hugePagePrefix);
const isQuotaHugePage = (name: string): boolean => isHugePage(name) || name.startsWith(`requests.${hugePagePrefix}`);
const isQualified = (name: string): boolean => name.includes('/');
/** One of those that Kubernetes names itself. */
export const isNative = (name: string): boolean => !isQualified(name) || name.includes('kubernetes.io/');
/** A resource that a device plugin or a driver brings. */
const isExtended = (name: string): boolean =>
  !isNative(name) && !name.startsWith('requests.') && qualifiedName(`requests.${name}`).length === 0;
/** Whether more may be requested by all than there is. */
export const isOvercommitAllowed = (name: string): boolean => isNative(name) && !isHugePage(name);
export const isQuotaName = (name: string): boolean => quotaNames.has(name) || isQuotaHugePage(name);
const isContainerName = (name: string): boolean => computeNames.includes(name) || isHugePage(name);

export type ResourceNameRule = (at: Checked, name: string) => void;

/** What every name of a resource must be. */
export const anyResourceName: ResourceNameRule = (at, name) => {
  const sentences = qualifiedName(name);
  for (const sentence of sentences) at.invalidAs(name, sentence);
  if (sentences.length > 0 || isQualified(name) || standardNames.has(name) || isQuotaHugePage(name)) return;
  at.invalidAs(name, 'must be a standard resource type or fully qualified');
};
export const containerResourceName: ResourceNameRule = (at, name) => {
  anyResourceName(at, name);
  if (!isQualified(name)) {
    if (!isContainerName(name)) at.invalidAs(name, 'must be a standard resource for containers');
  } else if (!isNative(name) && !isExtended(name)) {
    at.invalidAs(name, "doesn't follow extended resource name standard");
  }
};
export const quotaResourceName: ResourceNameRule = (at, name) => {
  anyResourceName(at, name);
  if (!isQualified(name) && !isQuotaName(name)) at.invalidAs(name, 'must be a standard resource for quota');
};

export const one = 1_000_000_000n;

/** The amount in billionths; zero for a text that the schema refuses. */
export function nanosOf(value: unknown): bigint {
  const parsed = tryParseQuantity(value === undefined || value === null ? '0' : String(value));
  return 'quantity' in parsed ? parsed.quantity.nanos : 0n;
}

/** An amount of a named resource: not negative, and whole where it is counted. */
export function resourceAmount(amount: Checked, name: string): void {
  const nanos = nanosOf(amount.value);
  if (nanos < 0n) amount.invalid('must be greater than or equal to 0');
  const whole = wholeNames.has(name) || isExtended(name);
  if (whole && nanos % one !== 0n) amount.invalid('must be an integer');
}
export function positiveAmount(amount: Checked): void {
  if (nanosOf(amount.value) <= 0n) amount.invalid('must be greater than zero');
}

/** What a container or a pod wants of each resource, and what it may have at most. */
export function validateRequirements(
  resources: Checked,
  claimNames: ReadonlySet<string>,
  nameRule: ResourceNameRule = containerResourceName,
): void {
  const limits = resources.at('limits');
  const requests = resources.at('requests');
  const names = [...Object.keys(limits.part), ...Object.keys(requests.part)];
  for (const amount of limits.entries()) validateAmount(amount, nameRule);
  for (const amount of requests.entries()) {
    const name = validateAmount(amount, nameRule);
    const limit = limits.part[name];
    const asked = nanosOf(amount.value);
    if (limit === undefined) {
      if (!isOvercommitAllowed(name)) {
        limits.missing('Limit must be set for non overcommitable resources');
      }
    } else if (asked !== nanosOf(limit) && !isOvercommitAllowed(name)) {
      requests.invalidAs(amount.text, `must be equal to ${name} limit of ${limit}`);
    } else if (asked > nanosOf(limit)) {
      requests.invalidAs(amount.text, `must be less than or equal to ${name} limit of ${limit}`);
    }
  }
  const computes = names.some((name) => name === 'cpu' || name === 'memory');
  if (names.some(isHugePage) && !computes) resources.forbidden('HugePages require cpu or memory');
  validateClaims(resources.at('claims'), claimNames);
}

function validateAmount(amount: Checked, nameRule: ResourceNameRule): string {
  const name = amount.lastKey;
  nameRule(amount, name);
  resourceAmount(amount, name);
  if (!isHugePage(name)) return name;
  const page = nanosOf(name.slice(hugePagePrefix.length));
  const nanos = nanosOf(amount.value);
  if (page > 0n && (nanos % page !== 0n || nanos < 0n)) {
    amount.invalid('quantity must be a positive integer multiple of page size');
  }
  return name;
}

function validateClaims(claims: Checked, known: ReadonlySet<string>): void {
  const seen = new Set<string>();
  for (const claim of claims.items()) {
    const { name = '', request = '' } = claim.part as { name?: string; request?: string };
    if (name === '') {
      claim.missing();
      continue;
    }
    const whole = `${name}/${request}`;
    if (seen.has(whole)) claim.duplicate(name);
    seen.add(whole);
    if (!known.has(name)) claim.notFound(name);
  }
}
