import { type FieldError, forbidden, invalid, required } from '../../api/field-error.ts';
import { labelValue, qualifiedName } from '../../api/names.ts';
import { isObject, type Json, type JsonObject } from '../../base/json.ts';

/** What of a review has to be so before anybody judges it. */
export function accessReviewErrors(
  review: { readonly metadata: JsonObject; readonly spec: JsonObject },
  how: { readonly self: boolean; readonly local: boolean },
): readonly FieldError[] {
  const { metadata, spec } = review;
  const errors: FieldError[] = [];
  const { managedFields: _managed, namespace, ...rest } = metadata;
  const { resourceAttributes: resource, nonResourceAttributes: path } = spec;
  const hasResource = isObject(resource);
  const hasPath = isObject(path);
  if (hasResource && hasPath) {
    errors.push(invalid(nonResource, goPath(path), 'cannot be specified in combination with resourceAttributes'));
  }
  if (!hasResource && !hasPath) errors.push(invalid('spec.resourceAttributes', null, oneOfBoth));
  if (!how.self && !spec.user && listOf(spec.groups).length === 0) {
    errors.push(invalid('spec.user', '', 'at least one of user or group must be specified'));
  }
  if (hasResource) errors.push(...selectorErrors(resource));
  const meta = how.local ? rest : { ...rest, ...(namespace === undefined ? {} : { namespace }) };
  if (Object.values(meta).some(isSet)) {
    errors.push(invalid('metadata', metadata, how.local ? 'must be empty except for namespace' : 'must be empty'));
  }
  if (how.local && hasResource && (resource.namespace ?? '') !== (namespace ?? '')) {
    errors.push(
      invalid('spec.resourceAttributes.namespace', resource.namespace ?? '', 'must match metadata.namespace'),
    );
  }
  if (how.local && hasPath) errors.push(invalid(nonResource, goPath(path), 'disallowed on this kind of request'));
  return errors;
}

const nonResource = 'spec.nonResourceAttributes';
const oneOfBoth = 'exactly one of nonResourceAttributes or resourceAttributes must be specified';

/** As upstream prints what it holds. */
const goPath = ({ path, verb }: JsonObject): JsonObject => ({ Path: path ?? '', Verb: verb ?? '' });
const listOf = (value: Json | undefined): readonly Json[] => (Array.isArray(value) ? value : []);

function isSet(value: Json | undefined): boolean {
  if (value === undefined || value === null || value === '' || value === 0) return false;
  return typeof value !== 'object' || Object.keys(value).length > 0;
}

function selectorErrors(resource: JsonObject): readonly FieldError[] {
  return ['fieldSelector', 'labelSelector'].flatMap((key) => {
    const selector = resource[key];
    if (!isObject(selector)) return [];
    const path = `spec.resourceAttributes.${key}`;
    const requirements = listOf(selector.requirements).filter(isObject);
    const errors: FieldError[] = [];
    if (selector.rawSelector && requirements.length > 0) {
      const text = 'may not specified at the same time as requirements';
      errors.push(invalid(`${path}.rawSelector`, selector.rawSelector, text));
    }
    if (!selector.rawSelector && requirements.length === 0) {
      const text = `when ${path} is specified, requirements or rawSelector is required`;
      errors.push(required(`${path}.requirements`, text));
    }
    const judge = key === 'labelSelector' ? labelRequirementErrors : fieldRequirementErrors;
    return [...errors, ...requirements.flatMap((one, index) => judge(one, `${path}.requirements[${index}]`))];
  });
}

function fieldRequirementErrors(requirement: JsonObject, path: string): readonly FieldError[] {
  const errors = valuesErrors(requirement, path);
  return requirement.key ? errors : [required(`${path}.key`, 'must be specified'), ...errors];
}

function labelRequirementErrors(requirement: JsonObject, path: string): readonly FieldError[] {
  const key = String(requirement.key ?? '');
  return [
    ...valuesErrors(requirement, path),
    ...qualifiedName(key).map((text) => invalid(`${path}.key`, key, text)),
    ...listOf(requirement.values).flatMap((value, index) =>
      labelValue(String(value)).map((text) => invalid(`${path}.values[${index}]`, value, text)),
    ),
  ];
}

/** An operator that is not known may come from a newer client: it is left alone, and limits nothing. */
function valuesErrors({ operator, values }: JsonObject, path: string): readonly FieldError[] {
  const count = listOf(values).length;
  if ((operator === 'In' || operator === 'NotIn') && count === 0) {
    return [required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'")];
  }
  if ((operator === 'Exists' || operator === 'DoesNotExist') && count > 0) {
    return [forbidden(`${path}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")];
  }
  return [];
}
