import type { Instant } from '../../base/env.ts';
import type { Json } from '../../base/json.ts';
import type { KubeObject } from '../object.ts';
import { type LabelSelector, printedSelector } from '../selector.ts';
import { ageCell } from './columns.ts';
import { partOf, textOf } from './defaulting.ts';

/** How a binding of an admission policy is shown: with its parameters, one by its name or many by a selector. */
export function bindingCells(binding: KubeObject, now: Instant): readonly Json[] {
  const { policyName, paramRef } = partOf(binding.spec);
  return [binding.metadata.name, textOf(policyName), paramText(paramRef), ageCell(binding, now)];
}

function paramText(reference: unknown): string {
  const { namespace, name, selector } = partOf(reference);
  if (name) return `${textOf(namespace) || '*'}/${textOf(name)}`;
  return selector ? printedSelector(selector as LabelSelector) : '<unset>';
}
