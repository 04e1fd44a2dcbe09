import {
  type FieldRequirement,
  type LabelSelectorRequirement,
  parseFieldSelector,
  parseLabelRequirements,
} from '../../api/selector.ts';
import type { Caller } from '../../api/wire.ts';
import { isObject, type Json, type JsonObject } from '../../base/json.ts';
import type { Attributes, ResourceAttributes } from '../attributes.ts';

const text = (value: Json | undefined): string => (typeof value === 'string' ? value : '');
const texts = (value: Json | undefined): readonly string[] => (Array.isArray(value) ? value.map(text) : []);

/** The question that a review asks, as an authorizer is asked it. */
export function reviewedAttributes(spec: JsonObject, caller: Caller): Attributes {
  const { resourceAttributes: resource, nonResourceAttributes: path } = spec;
  if (!isObject(resource)) {
    const asked = isObject(path) ? path : {};
    return { caller, verb: text(asked.verb), path: text(asked.path) };
  }
  const fields = selectorOf(resource.fieldSelector, parseFieldSelector, fieldRequirement);
  const labels = selectorOf(resource.labelSelector, parseLabelRequirements, labelRequirement);
  return {
    caller,
    verb: text(resource.verb),
    group: text(resource.group),
    version: text(resource.version),
    resource: text(resource.resource),
    subresource: text(resource.subresource),
    namespace: text(resource.namespace),
    name: text(resource.name),
    ...(fields.length > 0 ? { fields } : {}),
    ...(labels.length > 0 ? { labels } : {}),
  } satisfies ResourceAttributes;
}

/** What of the selectors could not be understood, as upstream says it. */
export function selectorErrors({ resourceAttributes: resource }: JsonObject): readonly string[] {
  if (!isObject(resource)) return [];
  const field = unread(resource.fieldSelector, parseFieldSelector, fieldRequirement);
  const label = unread(resource.labelSelector, parseLabelRequirements, labelRequirement);
  const told = (name: string, how: string | undefined) =>
    how === undefined ? [] : [`spec.resourceAttributes.${name} ${how} due to parse error`];
  return [...told('fieldSelector', field), ...told('labelSelector', label)];
}

function unread<T>(
  selector: Json | undefined,
  parse: (text: string) => readonly T[],
  read: (requirement: JsonObject) => readonly T[],
): string | undefined {
  if (!isObject(selector)) return undefined;
  const { requirements, rawSelector } = selector;
  if (Array.isArray(requirements)) {
    const understood = requirements.filter((one) => isObject(one) && read(one).length > 0);
    if (understood.length === requirements.length) return undefined;
    return understood.length > 0 ? 'partially ignored' : 'ignored';
  }
  try {
    parse(text(rawSelector));
    return undefined;
  } catch {
    return 'ignored';
  }
}

/** Whom a SubjectAccessReview asks about. */
export function reviewedCaller(spec: JsonObject): Caller {
  const extra = isObject(spec.extra) ? spec.extra : {};
  return {
    name: text(spec.user),
    groups: texts(spec.groups),
    ...(spec.uid ? { uid: text(spec.uid) } : {}),
    extra: Object.fromEntries(Object.entries(extra).map(([key, values]) => [key.toLowerCase(), texts(values)])),
  };
}

/** What cannot be understood is left out: it limits nothing, so nothing is allowed because of it. */
function selectorOf<T>(
  selector: Json | undefined,
  parse: (text: string) => readonly T[],
  read: (requirement: JsonObject) => readonly T[],
): readonly T[] {
  if (!isObject(selector)) return [];
  const { rawSelector, requirements } = selector;
  if (Array.isArray(requirements)) return requirements.filter(isObject).flatMap(read);
  try {
    return parse(text(rawSelector));
  } catch {
    return [];
  }
}

function fieldRequirement({ key, operator, values }: JsonObject): readonly FieldRequirement[] {
  const [value, ...more] = texts(values);
  if (value === undefined || more.length > 0 || (operator !== 'In' && operator !== 'NotIn')) return [];
  return [{ field: text(key), equal: operator === 'In', value }];
}

const operators = new Set(['In', 'NotIn', 'Exists', 'DoesNotExist']);
const labelRequirement = ({ key, operator, values }: JsonObject): readonly LabelSelectorRequirement[] =>
  operators.has(text(operator)) ? [{ key: text(key), operator: text(operator), values: texts(values) }] : [];
