import { resourceText } from '../api/kind.ts';
import { type Namespace, namespaces as namespaceKind } from '../api/kinds/namespace.ts';
import type { Condition } from '../api/kinds/pod.ts';
import { type Key, type KubeObject, keyOf } from '../api/object.ts';
import type { Instant } from '../base/env.ts';
import { equalJson, type Json } from '../base/json.ts';
import { compareText, parseTime, timestamp } from '../base/text.ts';
import { type Action, act } from '../client/action.ts';
import { byNamespace, type Cache } from '../machinery/cache.ts';
import { type Controller, nothing, type Plan, type Source, source } from '../machinery/controller.ts';

const finalizer = 'kubernetes';
/** A cache of a quiet kind may never reach the revision of the deletion; after so long it has seen all there is. */
const settledMs = 2_000;
const lookAgainMs = 250;

export interface Content {
  readonly cache: Cache;
  readonly objects: readonly KubeObject[];
}
export interface NamespaceObserved {
  readonly namespace: Namespace;
  readonly content: readonly Content[];
  /** Whether every cache has passed the deletion: what they do not show is not there. */
  readonly settled: boolean;
}

/** Empties a namespace that is being deleted, pods first, and lets it go. */
export class NamespaceController implements Controller<NamespaceObserved> {
  readonly name = 'namespace-controller';
  readonly #namespaces: Cache<Namespace>;
  readonly #caches: readonly Cache[];

  constructor(namespaces: Cache<Namespace>, caches: readonly Cache[]) {
    this.#namespaces = namespaces;
    this.#caches = caches.filter(({ kind }) => kind.namespaced);
    for (const cache of this.#caches) cache.index('namespace', byNamespace);
  }

  sources(): readonly Source[] {
    const keys = (object: KubeObject): readonly Key[] => {
      const key = { namespace: '', name: object.metadata.namespace ?? '' };
      return this.#namespaces.get(key)?.metadata.deletionTimestamp === undefined ? [] : [key];
    };
    return [
      source(this.#namespaces, (namespace) => [keyOf(namespace)]),
      ...this.#caches.map((cache) => source(cache, keys)),
    ];
  }

  observe(key: Key): NamespaceObserved | undefined {
    const namespace = this.#namespaces.get(key);
    if (namespace?.metadata.deletionTimestamp === undefined || !namespace.spec?.finalizers?.includes(finalizer))
      return undefined;
    const content = this.#caches
      .map((cache) => ({ cache, objects: cache.by('namespace', key.name) }))
      .filter(({ objects }) => objects.length > 0);
    const settled = this.#caches.every((cache) => cache.revision >= Number(namespace.metadata.resourceVersion));
    return { namespace, content, settled };
  }

  plan({ namespace, content, settled }: NamespaceObserved, now: Instant): Plan {
    if (content.length === 0) {
      const left = parseTime(namespace.metadata.deletionTimestamp ?? '') + settledMs - now;
      if (!settled && left > 0) return { actions: [], again: Math.min(left, lookAgainMs) };
      return { actions: [[finalized(namespace)]] };
    }
    const running = content.filter(({ cache }) => cache.kind.plural === 'pods' && cache.kind.group === '');
    const next = running.length > 0 ? running : content;
    const deletes = next.flatMap(({ cache, objects }) =>
      objects
        .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
        .map((object) =>
          act({
            verb: 'delete',
            kind: cache.kind,
            key: keyOf(object),
            uid: object.metadata.uid,
            propagation: 'Background',
          }),
        ),
    );
    if (deletes.length > 0) return { actions: [deletes] };
    const status = conditionsPatch(namespace, content, now);
    return status.length > 0 ? { actions: [status] } : nothing;
  }
}

function finalized(namespace: Namespace): Action {
  const finalizers = (namespace.spec?.finalizers ?? []).filter((each) => each !== finalizer);
  return act({
    verb: 'update',
    kind: namespaceKind,
    object: { ...namespace, spec: { finalizers } },
    subresource: 'finalize',
  });
}

/** Everything is on its way out and something holds it: say what. */
function conditionsPatch(namespace: Namespace, content: readonly Content[], now: Instant): readonly Action[] {
  const wanted: Condition[] = [
    {
      type: 'NamespaceDeletionDiscoveryFailure',
      status: 'False',
      reason: 'ResourcesDiscovered',
      message: 'All resources successfully discovered',
    },
    {
      type: 'NamespaceDeletionGroupVersionParsingFailure',
      status: 'False',
      reason: 'ParsedGroupVersions',
      message: 'All legacy kube types successfully parsed',
    },
    {
      type: 'NamespaceDeletionContentFailure',
      status: 'False',
      reason: 'ContentDeleted',
      message: 'All content successfully deleted, may be waiting on finalization',
    },
    { type: 'NamespaceContentRemaining', status: 'True', reason: 'SomeResourcesRemain', message: remaining(content) },
    held(content),
  ];
  const before = namespace.status?.conditions ?? [];
  const conditions = wanted.map((condition) => {
    const old = before.find(({ type }) => type === condition.type);
    const lastTransitionTime =
      old?.status === condition.status ? (old.lastTransitionTime ?? timestamp(now)) : timestamp(now);
    return { ...condition, lastTransitionTime };
  });
  if (equalJson(before, conditions)) return [];
  const patch = { status: { conditions: conditions as unknown as Json } };
  return [act({ verb: 'patch', kind: namespaceKind, key: keyOf(namespace), patch, subresource: 'status' })];
}

function remaining(content: readonly Content[]): string {
  const lines = content.map(
    ({ cache, objects }) =>
      `${resourceText(cache.kind)}${cache.kind.group ? '' : '.'} has ${objects.length} resource instances`,
  );
  return `Some resources are remaining: ${lines.sort(compareText).join(', ')}`;
}

function held(content: readonly Content[]): Condition {
  const counts = new Map<string, number>();
  for (const object of content.flatMap(({ objects }) => objects)) {
    for (const each of object.metadata.finalizers ?? []) counts.set(each, (counts.get(each) ?? 0) + 1);
  }
  const type = 'NamespaceFinalizersRemaining';
  if (counts.size === 0) {
    return {
      type,
      status: 'False',
      reason: 'ContentHasNoFinalizers',
      message: 'All content-preserving finalizers finished',
    };
  }
  const lines = [...counts].map(([name, count]) => `${name} in ${count} resource instances`).sort(compareText);
  const message = `Some content in the namespace has finalizers remaining: ${lines.join(', ')}`;
  return { type, status: 'True', reason: 'SomeFinalizersRemain', message };
}
