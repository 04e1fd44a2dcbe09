import type { Instant } from '../../base/env.ts';
import type { Kind } from '../kind.ts';
import type { KubeObject } from '../object.ts';

/** What a kind's rules say about an object after its defaults: `path Type` for each error. */
export function judgedBy(kind: unknown, object: object, previous?: object, subresource = ''): readonly string[] {
  const { rules } = kind as Kind;
  const whole = (given: object): KubeObject => {
    const named = { metadata: { name: 'a' }, ...given } as unknown as KubeObject;
    return rules.defaults?.(named) ?? named;
  };
  const context = { now: 0 as Instant, subresource };
  const errors = rules.validate?.(whole(object), previous && whole(previous), context) ?? [];
  return errors.map(({ path, type }) => `${path} ${type}`);
}
