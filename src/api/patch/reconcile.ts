import { namesIn, type Steps, Stride } from '../../base/steps.ts';
import { type FieldSet, isEmptySet, leaf } from './field-set.ts';
import type { Shape } from './shape.ts';
import { shapeBelow } from './typed.ts';

/**
 * An owner's set as the schema has it now: of what has become one atomic value nobody owns a part any more, but the
 * whole. A set that fits as it is stays the same.
 */
export function* reconciled(shape: Shape, set: FieldSet, stride: Stride = new Stride()): Steps<FieldSet> {
  let out: Record<string, FieldSet> | undefined;
  for (const element of namesIn(set)) {
    if (stride.isLong(1)) yield stride.taken();
    const node = set[element] as FieldSet;
    const inner = element === '.' ? undefined : shapeBelow(shape, element);
    if (!inner || isEmptySet(node)) continue;
    const next = isWhole(inner) ? leaf : yield* reconciled(inner, node, stride);
    if (next === node) continue;
    out ??= { ...set };
    out[element] = next;
  }
  return out ?? set;
}

function isWhole(shape: Shape): boolean {
  switch (shape.is) {
    case 'list':
      return shape.how === 'atomic';
    case 'struct':
    case 'map':
      return shape.atomic;
    default:
      return shape.is !== 'deduced';
  }
}
