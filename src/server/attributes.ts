import type { FieldRequirement, LabelSelectorRequirement } from '../api/selector.ts';
import type { Caller } from '../api/wire.ts';

/** Who asks for what: all that an authorizer may look at. */
export type Attributes = ResourceAttributes | PathAttributes;

export interface ResourceAttributes {
  readonly caller: Caller;
  readonly verb: string;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  /** What a list, watch or deletecollection is limited to. Only requirements that were understood are here. */
  readonly fields?: readonly FieldRequirement[];
  readonly labels?: readonly LabelSelectorRequirement[];
}

export interface PathAttributes {
  readonly caller: Caller;
  readonly verb: string;
  readonly path: string;
}

/** `none`: this authorizer has no opinion, the next one is asked. All without an opinion means no. */
export interface Decision {
  readonly verdict: 'allow' | 'deny' | 'none';
  readonly reason?: string;
  /** What kept the authorizer from judging in full. */
  readonly error?: string;
}

export interface Authorizer {
  readonly name: string;
  /** At once wherever it can be: a promise only where something has to be waited for. */
  authorize(attributes: Attributes): Decision | Promise<Decision>;
}

export const noOpinion: Decision = { verdict: 'none' };
export const anonymous: Caller = { name: 'system:anonymous', groups: ['system:unauthenticated'], extra: {} };
export const mastersGroup = 'system:masters';
export const isMaster = (caller: Caller): boolean => caller.groups.includes(mastersGroup);

const allowed: Decision = { verdict: 'allow' };
/** Members of system:masters may do everything: the group that no role can take rights from. */
export const masters: Authorizer = {
  name: 'masters',
  authorize: ({ caller }) => (isMaster(caller) ? allowed : noOpinion),
};
