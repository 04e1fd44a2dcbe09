import type { Kind } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import { changed, changedItems, filled, mapOf, type Part, partOf } from './defaulting.ts';
import { defineKind } from './define.ts';
import { limitRangeRules } from './limit-range-rules.ts';

export interface LimitRange extends KubeObject<Part, Part> {}

export const limitRanges: Kind<LimitRange> = defineKind<LimitRange>('v1', 'LimitRange', {
  validate: limitRangeRules,
  namesItself: true,
  defaults: (range) => changed(range, 'spec', (spec) => changedItems(spec, 'limits', limitDefaults)),
});

/** What a container's limits leave out follows from what they say. */
function limitDefaults(limit: Part): Part {
  if (limit.type !== 'Container') return limit;
  const byDefault = filled(partOf(limit.default), mapOf(limit.max));
  const request = filled(filled(partOf(limit.defaultRequest), byDefault), mapOf(limit.min));
  return {
    ...limit,
    ...(Object.keys(byDefault).length > 0 ? { default: byDefault } : {}),
    ...(Object.keys(request).length > 0 ? { defaultRequest: request } : {}),
  };
}
