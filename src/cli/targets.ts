import type { Kind } from '../api/kind.ts';
import { UsageError } from './flags.ts';
import type { ServedKinds } from './served-kinds.ts';

/** Which objects the words mean: one by name, or all of a kind. */
export interface Named {
  readonly kind: Kind;
  readonly name?: string;
}

/** `pods`, `pods,services`, `pod web api`, `pod/web deployment/api`. */
export function namedBy(words: readonly string[], kinds: ServedKinds): readonly Named[] {
  const [first = '', ...names] = words;
  if (words.some((word) => word.includes('/'))) {
    return words.map((word) => {
      const [type = '', name = '', more] = word.split('/');
      if (type === '' || name === '' || more !== undefined) {
        throw new UsageError(`${JSON.stringify(word)} must be TYPE/NAME, as all words are once one of them is`);
      }
      return { kind: kinds.one(type), name };
    });
  }
  const wanted = first.split(',').flatMap((word) => kinds.byWord(word));
  if (names.length === 0) return wanted.map((kind) => ({ kind }));
  return wanted.flatMap((kind) => names.map((name) => ({ kind, name })));
}
