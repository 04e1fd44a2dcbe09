import type { Json } from '../../base/json.ts';
import type { Kind } from '../kind.ts';
import { schemaOf } from './schema.ts';
import { walk } from './walker.ts';

const known = new WeakMap<Kind, { readonly status: Json | undefined }>();

/** What a status that nobody has set is printed as. */
export function emptyStatusOf(kind: Kind): Json | undefined {
  let found = known.get(kind);
  if (!found) {
    const type = schemaOf(kind);
    found = { status: type ? walk(type, {}).value.status : undefined };
    known.set(kind, found);
  }
  return found.status;
}
