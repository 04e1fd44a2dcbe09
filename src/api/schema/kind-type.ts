import type { JsonObject } from '../../base/json.ts';
import type { Steps } from '../../base/steps.ts';
import type { CustomForm } from '../kind.ts';
import { type GroupVersionKind, type ObjectType, schemaOf } from './schema.ts';
import { type Walked, walkInSteps } from './walker.ts';

type AnyKind = GroupVersionKind & { readonly custom?: CustomForm };

/** What objects of a kind look like, whether it is built in or custom. */
export const typeOfKind = (kind: AnyKind): ObjectType | undefined => kind.custom?.type ?? schemaOf(kind);

/**
 * How a value is read as an object of a kind: only what the kind knows is kept. Of a built-in kind, what is the very
 * same as in `known` need not be read again.
 */
export function readerOf(kind: AnyKind): ((value: JsonObject, known?: JsonObject) => Steps<Walked>) | undefined {
  if (kind.custom) return kind.custom.decode;
  const type = schemaOf(kind);
  return type && ((value, known) => walkInSteps(type, value, known ? { known } : {}));
}
