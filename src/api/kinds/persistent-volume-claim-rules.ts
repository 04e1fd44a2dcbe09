import { equalJson, type Json } from '../../base/json.ts';
import { forbidden } from '../field-error.ts';
import { dnsSubdomain } from '../names.ts';
import { tryParseQuantity } from '../quantity.ts';
import { Checked, rulesOf } from './checks.ts';
import { type Part, partOf, textOf } from './defaulting.ts';
import { positiveQuantity, validateAccessModes } from './persistent-volume-rules.ts';

export const persistentVolumeClaimRules = rulesOf(validateClaim);

function validateClaimSpec(spec: Checked): void {
  validateAccessModes(spec.at('accessModes'), 'at least 1 access mode is required');
  spec.at('selector').selector();
  const storage = spec.at('resources').at('requests').part.storage;
  const amount = new Checked(storage, `${spec.path}.resources[storage]`, spec.errors);
  if (amount.needed()) positiveQuantity(amount);
  spec.at('storageClassName').optionalLike(dnsSubdomain);
  spec.at('volumeAttributesClassName').optionalLike(dnsSubdomain);
  spec.at('volumeMode').optionalOneOf('Block', 'Filesystem');
  for (const key of ['dataSource', 'dataSourceRef']) {
    const source = spec.at(key);
    if (source.isAbsent) continue;
    source.at('name').needed();
    source.at('kind').needed();
    if (!source.part.apiGroup && source.part.kind !== 'PersistentVolumeClaim') {
      source.invalid("must be 'PersistentVolumeClaim' when referencing the default apiGroup");
    }
  }
  const { dataSource, dataSourceRef } = spec.part;
  if (dataSource && dataSourceRef && !equalJson(dataSource as Json, withoutNamespace(dataSourceRef))) {
    spec.invalid('must match dataSourceRef');
  }
}
function withoutNamespace(reference: unknown): Json {
  const { namespace: _namespace, ...rest } = partOf(reference);
  return rest as Json;
}

function validateClaim(root: Checked, previous: Checked | undefined): void {
  const spec = root.at('spec');
  validateClaimSpec(spec);
  if (!previous) return;
  const before = previous.at('spec').part;
  const bound = previous.at('status').part.phase === 'Bound';
  if (!equalJson(fixed(spec.part, bound), fixed(before, bound))) {
    const sentence =
      'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims';
    spec.add(forbidden('spec', sentence));
  }
  new Checked(spec.part.volumeMode, 'volumeMode', spec.errors).same(before.volumeMode);
  validateShrinking(spec, previous);
}

/** What no update may change: of a bound claim the requests and the attributes class are free. */
function fixed(spec: Part, bound: boolean): Json {
  const { volumeAttributesClassName, resources, volumeName, ...rest } = spec;
  const { requests, ...limits } = partOf(resources);
  const freed = bound ? { resources: limits } : { resources: { ...limits, requests }, volumeAttributesClassName };
  return { ...rest, ...freed, volumeName: textOf(volumeName) } as unknown as Json;
}

function validateShrinking(spec: Checked, previous: Checked): void {
  const amount = (value: unknown) => {
    const parsed = tryParseQuantity(textOf(value));
    return 'quantity' in parsed ? parsed.quantity.nanos : 0n;
  };
  const requests = spec.at('resources').at('requests');
  const asked = amount(requests.part.storage);
  const had = amount(previous.at('spec').at('resources').at('requests').part.storage);
  if (asked < had) {
    requests.add(forbidden('spec.resources.requests.storage', 'field can not be less than status.capacity'));
  }
}
