import type { KubeObject } from '../api/object.ts';
import type { Instant } from '../base/env.ts';
import { equalJson } from '../base/json.ts';
import { timestamp } from '../base/text.ts';
import type { Entry } from '../store/store.ts';
import { measuredStep } from './admission/step-figures.ts';
import { storageKey } from './kinds.ts';
import { getEntry } from './read.ts';
import type { ResourceRoute } from './route.ts';
import { conflict, isReadyToGo, modified, stored, type WriteDeps, type WriteOptions } from './write.ts';

const retriesMax = 5;
const foreground = 'foregroundDeletion';
const orphan = 'orphan';

export interface DeleteOptions {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: string;
  readonly orphanDependents?: boolean;
  readonly dryRun?: readonly string[];
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
}
/** `gone` false: the object stays for a while, terminating. */
export interface Deleted {
  readonly object: KubeObject;
  readonly gone: boolean;
}

/** Deletion of one object: at once, after a grace period, or once its finalizers are done. */
export async function deleteObject(
  deps: WriteDeps,
  route: ResourceRoute,
  asked: DeleteOptions,
  options: WriteOptions,
): Promise<Deleted> {
  for (let tries = 0; ; tries++) {
    const entry = await getEntry(deps.store, route);
    const live = deps.views.object(route.kind, entry);
    checkPreconditions(route, live, asked);
    if (!options.admitted) {
      const request = { operation: 'DELETE', kind: route.kind, route, previous: live, ...options } as const;
      await measuredStep(deps.env, request, 'validate', async () => {
        for (const plugin of deps.plugins) await plugin.validate?.(undefined, request);
      });
    }
    const next = marked(route, live, asked, deps.env.clock.now());
    const gone = isReadyToGo(route.kind, next);
    if (options.dryRun) return { object: next, gone };
    const done = await commit(deps, route, { entry, next, gone });
    if (done) return done;
    if (tries >= retriesMax) throw modified(route);
  }
}

async function commit(
  deps: WriteDeps,
  route: ResourceRoute,
  change: { readonly entry: Entry; readonly next: KubeObject; readonly gone: boolean },
): Promise<Deleted | undefined> {
  const { entry, next, gone } = change;
  const key = storageKey(route.kind, route.namespace, route.name);
  const value = stored(route.kind, next);
  // Asking again for what is under way already writes nothing.
  if (!gone && equalJson(value, entry.value)) return { object: deps.views.object(route.kind, entry), gone };
  const done = await deps.store.commit(key, entry.modified, gone ? undefined : value);
  if (!done.ok) return undefined;
  if (gone) deps.goods.release(route.kind, next);
  const object = gone
    ? { ...next, metadata: { ...next.metadata, resourceVersion: String(done.revision) } }
    : deps.views.object(route.kind, done.entry);
  return { object, gone };
}

function marked({ kind }: ResourceRoute, live: KubeObject, asked: DeleteOptions, now: Instant): KubeObject {
  const grace = kind.rules.gracePeriodSeconds?.(live, asked.gracePeriodSeconds) ?? 0;
  const before = live.metadata.deletionGracePeriodSeconds;
  // A second delete may shorten the grace, never lengthen it.
  const seconds =
    live.metadata.deletionTimestamp !== undefined && before !== undefined ? Math.min(grace, before) : grace;
  const finalizers = withPropagation(live.metadata.finalizers ?? [], asked, kind.rules.orphansByDefault);
  const metadata = {
    ...live.metadata,
    deletionTimestamp: deletionTime(live, seconds, now),
    deletionGracePeriodSeconds: seconds,
    // Asked for the first time: from here on its controllers treat it differently, so that it counts as a change.
    ...(live.metadata.deletionTimestamp === undefined && live.metadata.generation
      ? { generation: live.metadata.generation + 1 }
      : {}),
    ...(finalizers.length > 0 ? { finalizers } : {}),
  };
  if (finalizers.length === 0) delete (metadata as { finalizers?: unknown }).finalizers;
  const object = { ...live, metadata };
  return kind.rules.markDeleted?.(object) ?? object;
}

function deletionTime(live: KubeObject, seconds: number, now: Instant): string {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0 } = live.metadata;
  if (deletionTimestamp !== undefined && deletionGracePeriodSeconds === seconds) return deletionTimestamp;
  return timestamp((now + seconds * 1000) as Instant);
}

function withPropagation(
  finalizers: readonly string[],
  { propagationPolicy, orphanDependents }: DeleteOptions,
  orphansByDefault = false,
): readonly string[] {
  const asked = propagationPolicy ?? (orphanDependents === undefined ? undefined : orphanDependents ? 'Orphan' : '');
  const others = finalizers.filter((name) => name !== foreground && name !== orphan);
  // What an earlier delete asked for holds until another says otherwise.
  const isSettled = others.length < finalizers.length || !orphansByDefault;
  if (asked === undefined && isSettled) return finalizers;
  const policy = asked ?? 'Orphan';
  if (policy === 'Foreground') return [...others, foreground];
  return policy === 'Orphan' ? [...others, orphan] : others;
}

function checkPreconditions(route: ResourceRoute, live: KubeObject, { preconditions }: DeleteOptions): void {
  const { uid, resourceVersion } = preconditions ?? {};
  if (uid !== undefined && uid !== live.metadata.uid) {
    throw conflict(
      route,
      `the UID in the precondition (${uid}) does not match the UID in record (${live.metadata.uid}). The object might have been deleted and then recreated`,
    );
  }
  if (resourceVersion !== undefined && resourceVersion !== live.metadata.resourceVersion) {
    throw conflict(
      route,
      `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${live.metadata.resourceVersion}). The object might have been modified`,
    );
  }
}
