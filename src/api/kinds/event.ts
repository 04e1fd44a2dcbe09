import type { Kind } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import { defineKind } from './define.ts';

export interface ObjectReference {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly fieldPath?: string;
}
export interface Event extends KubeObject<never, never> {
  readonly involvedObject: ObjectReference;
  readonly reason?: string;
  readonly message?: string;
  readonly source?: { readonly component?: string; readonly host?: string };
  readonly firstTimestamp?: string | null;
  readonly lastTimestamp?: string | null;
  readonly eventTime?: string | null;
  readonly count?: number;
  readonly type?: string;
  readonly reportingComponent?: string;
  readonly reportingInstance?: string;
}

export const events: Kind<Event> = defineKind<Event>('v1', 'Event');
