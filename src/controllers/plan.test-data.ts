import type { Pod } from '../api/kinds/pod.ts';
import type { Owner } from '../api/object.ts';
import type { Env, Instant } from '../base/env.ts';
import { Client } from '../client/client.ts';
import type { Plan } from '../machinery/controller.ts';

// What tests of plans share: objects in, a plan out, and the plan in few words.

export const now = Date.parse('2026-01-01T00:10:00Z') as Instant;
export const born = '2026-01-01T00:00:00Z';
/** A controller never calls: its caches are empty, as the test gives it what it would observe. */
export const noEnv = {} as Env;
export const noClient = new Client(() => Promise.reject(new Error('a controller never calls')));

export const ownedBy = (kind: { readonly apiVersion: string; readonly kind: string }, name: string): Owner => ({
  apiVersion: kind.apiVersion,
  kind: kind.kind,
  name,
  uid: name,
  controller: true,
  blockOwnerDeletion: true,
});

export interface PodFacts {
  readonly owner?: Owner;
  readonly node?: string;
  readonly phase?: 'Pending' | 'Running' | 'Succeeded' | 'Failed';
  readonly ready?: boolean;
  readonly leaving?: boolean;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly exitCode?: number;
  readonly endedAt?: string;
  readonly conditions?: readonly { readonly type: string; readonly status: string }[];
}

export function podOf(name: string, facts: PodFacts = {}): Pod {
  const { phase = 'Running', ready = phase === 'Running', node = 'node-1', exitCode, endedAt = born } = facts;
  const terminated = exitCode === undefined ? undefined : { exitCode, finishedAt: endedAt };
  const container = { name: 'c', ready, restartCount: 0, image: 'i', imageID: '' };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'default',
      uid: name,
      resourceVersion: '7',
      creationTimestamp: born,
      labels: { app: 'a', ...facts.labels },
      ...(facts.annotations ? { annotations: facts.annotations } : {}),
      ...(facts.finalizers ? { finalizers: facts.finalizers } : {}),
      ...(facts.owner ? { ownerReferences: [facts.owner] } : {}),
      ...(facts.leaving ? { deletionTimestamp: born, deletionGracePeriodSeconds: 30 } : {}),
    },
    spec: { containers: [], ...(node ? { nodeName: node } : {}) },
    status: {
      phase,
      conditions: [
        { type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: endedAt },
        ...(facts.conditions ?? []),
      ],
      ...(terminated ? { containerStatuses: [{ ...container, state: { terminated } }] } : {}),
    },
  };
}

/** Each action in a few words, each group a list; what is written to a status in full. */
export function inWords({ actions }: Plan): readonly (readonly string[])[] {
  const groups = actions.map((group) =>
    group.map((action) => {
      switch (action.verb) {
        case 'event':
          return `tell ${action.reason}`;
        case 'create':
          return `create ${action.kind.singular} ${action.object.metadata.generateName ?? action.object.metadata.name}`;
        case 'patch':
          return action.subresource === 'status'
            ? `status ${JSON.stringify((action.patch as { status: unknown }).status)}`
            : `patch ${action.kind.singular} ${action.key.name}`;
        default:
          return `${action.verb} ${action.kind.singular} ${'key' in action ? action.key.name : ''}`;
      }
    }),
  );
  return groups.filter((group) => group.length > 0);
}
