import type { Kind } from '../api/kind.ts';
import type { Draft, Key, KubeObject } from '../api/object.ts';
import type { Json } from '../base/json.ts';

/** What anyone may ask of the cluster, as data: it can be logged, compared, replayed, printed by --dry-run. */
export type Action<T extends KubeObject = KubeObject> =
  | { readonly verb: 'create'; readonly kind: Kind<T>; readonly object: Draft<T> }
  | { readonly verb: 'update' | 'status'; readonly kind: Kind<T>; readonly object: T; readonly subresource?: string }
  | {
      readonly verb: 'patch';
      readonly kind: Kind<T>;
      readonly key: Key;
      readonly patch: Json;
      readonly type?: 'merge' | 'strategic-merge' | 'json';
      readonly subresource?: string;
    }
  | {
      readonly verb: 'delete';
      readonly kind: Kind<T>;
      readonly key: Key;
      readonly uid?: string;
      /** Not if it has changed since. */
      readonly resourceVersion?: string;
      readonly graceSeconds?: number;
      readonly propagation?: 'Background' | 'Foreground' | 'Orphan';
    }
  /** As a deletion, where disruption budgets allow it. */
  | { readonly verb: 'evict'; readonly kind: Kind<T>; readonly key: Key; readonly uid: string }
  | { readonly verb: 'bind'; readonly kind: Kind<T>; readonly key: Key; readonly uid: string; readonly node: string };

/** Something worth telling whoever looks at `about`: recorded by machinery/events.ts, never waited for. */
export interface Notice {
  readonly verb: 'event';
  readonly about: KubeObject;
  readonly type?: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
  /** An action of the same group: told once that was done, whatever becomes of the others. */
  readonly after?: Action;
}

// Actions of different kinds travel in one list: the kind's own type matters only where the action is made.
export const act = <T extends KubeObject>(action: Action<T>): Action => action as unknown as Action;
