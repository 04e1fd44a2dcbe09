import { isApiError } from '../api/error.ts';
import { pathOf, resourceText } from '../api/kind.ts';
import { type Namespace, namespaces as namespaceKind } from '../api/kinds/namespace.ts';
import type { Condition } from '../api/kinds/pod.ts';
import { type Key, type KubeObject, keyOf } from '../api/object.ts';
import type { Instant, Random } from '../base/env.ts';
import { equalJson, type Json } from '../base/json.ts';
import { compareText, timestamp } from '../base/text.ts';
import { type Action, act } from '../client/action.ts';
import { byNamespace, type Cache } from '../machinery/cache.ts';
import {
  type Answer,
  type Controller,
  nothing,
  type Plan,
  type Question,
  type Refusal,
  type Source,
  type SourceListener,
  source,
} from '../machinery/controller.ts';
import type { KindCaches } from '../machinery/kind-caches.ts';

const finalizer = 'kubernetes';
const lookAgainMs = 250;

export interface Content {
  readonly cache: Cache;
  readonly objects: readonly KubeObject[];
}
export interface NamespaceObserved {
  readonly namespace: Namespace;
  readonly content: readonly Content[];
  /** The kinds whose caches may be older than the deletion: whether they are empty is asked of the server. */
  readonly unsure: readonly Cache[];
  /** Why not all kinds are known. */
  readonly failure?: string;
}

/** Empties a namespace that is being deleted, pods first, and lets it go. */
export class NamespaceController implements Controller<NamespaceObserved> {
  readonly name = 'namespace-controller';
  readonly #namespaces: Cache<Namespace>;
  readonly #kinds: Pick<KindCaches, 'builtIn' | 'all' | 'onKind' | 'failure'>;

  constructor(namespaces: Cache<Namespace>, kinds: Pick<KindCaches, 'builtIn' | 'all' | 'onKind' | 'failure'>) {
    this.#namespaces = namespaces;
    this.#kinds = kinds;
    for (const cache of kinds.builtIn) cache.index('namespace', byNamespace);
  }

  sources(): readonly Source[] {
    return [
      source(this.#namespaces, (namespace) => [keyOf(namespace)]),
      ...this.#kinds.builtIn.filter(({ kind }) => kind.namespaced).map((cache) => this.#content(cache)),
    ];
  }

  follow(listener: SourceListener): void {
    this.#kinds.onKind({
      added: (cache) => {
        cache.index('namespace', byNamespace);
        if (cache.kind.namespaced) listener.added(this.#content(cache));
      },
      removed: (cache) => listener.removed(cache),
    });
  }

  #content(cache: Cache): Source {
    return source(cache, (object: KubeObject): readonly Key[] => {
      const key = { namespace: '', name: object.metadata.namespace ?? '' };
      return this.#namespaces.get(key)?.metadata.deletionTimestamp === undefined ? [] : [key];
    });
  }

  observe(key: Key): NamespaceObserved | undefined {
    const namespace = this.#namespaces.get(key);
    if (namespace?.metadata.deletionTimestamp === undefined || !namespace.spec?.finalizers?.includes(finalizer))
      return undefined;
    const caches = this.#kinds.all().filter(({ kind }) => kind.namespaced);
    const content = caches
      .map((cache) => ({ cache, objects: cache.by('namespace', key.name) }))
      .filter(({ objects }) => objects.length > 0);
    const unsure = caches.filter((cache) => cache.revision < Number(namespace.metadata.resourceVersion));
    const { failure } = this.#kinds;
    return { namespace, content, unsure, ...(failure === undefined ? {} : { failure }) };
  }

  wants({ namespace, content, unsure }: NamespaceObserved): readonly Question[] {
    if (content.length > 0) return [];
    return unsure.map(({ kind }) => ({ path: pathOf(kind, namespace.metadata.name), query: [['limit', '1']] }));
  }

  plan(observed: NamespaceObserved, now: Instant, _random: Random, answers: readonly Answer[] = []): Plan {
    const { namespace, content } = observed;
    if (content.length === 0 && observed.failure === undefined) {
      if (!answers.every(isEmpty)) return { actions: [], again: lookAgainMs };
      const status = conditionsPatch(observed, now);
      return { actions: [status, [finalized(namespace)]].filter((group) => group.length > 0) };
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
    const status = conditionsPatch(observed, now);
    const again = observed.failure === undefined ? {} : { again: lookAgainMs };
    return status.length > 0 ? { actions: [status], ...again } : { ...nothing, ...again };
  }

  refused(observed: NamespaceObserved, { action, error }: Refusal, now: Instant): Plan {
    const { message } = error;
    if (action.verb !== 'delete' || isApiError(error, 'Conflict')) return nothing;
    const status = conditionsPatch({ ...observed, refusal: message }, now);
    return status.length > 0 ? { actions: [status] } : nothing;
  }
}

/** A kind that is no longer served has nothing left. */
function isEmpty(answer: Answer): boolean {
  if ('error' in answer) return isApiError(answer.error, 'NotFound');
  return ((answer.found as { readonly items?: readonly unknown[] }).items ?? []).length === 0;
}

/** Whatever else has changed in it meanwhile: only the finalizers are written. */
function finalized(namespace: Namespace): Action {
  const finalizers = (namespace.spec?.finalizers ?? []).filter((each) => each !== finalizer);
  const { resourceVersion: _, ...metadata } = namespace.metadata;
  const spec = finalizers.length > 0 ? { finalizers } : {};
  const object = { ...namespace, metadata: metadata as Namespace['metadata'], spec };
  return act({ verb: 'update', kind: namespaceKind, object, subresource: 'finalize' });
}

interface Standing extends NamespaceObserved {
  /** Why something could not be deleted. */
  readonly refusal?: string;
}

const discovered = (failure: string | undefined): Condition => ({
  type: 'NamespaceDeletionDiscoveryFailure',
  ...(failure === undefined
    ? { status: 'False', reason: 'ResourcesDiscovered', message: 'All resources successfully discovered' }
    : {
        status: 'True',
        reason: 'DiscoveryFailed',
        message: `Discovery failed for some groups, 1 failing: ${failure}`,
      }),
});

const deleted = (refusal: string | undefined): Condition => ({
  type: 'NamespaceDeletionContentFailure',
  ...(refusal === undefined
    ? {
        status: 'False',
        reason: 'ContentDeleted',
        message: 'All content successfully deleted, may be waiting on finalization',
      }
    : {
        status: 'True',
        reason: 'ContentDeletionFailed',
        message: `Failed to delete all resource types, 1 remaining: ${refusal}`,
      }),
});

/** How far the deletion is, and what holds it. */
function conditionsPatch({ namespace, content, failure, refusal }: Standing, now: Instant): readonly Action[] {
  const wanted: Condition[] = [
    discovered(failure),
    {
      type: 'NamespaceDeletionGroupVersionParsingFailure',
      status: 'False',
      reason: 'ParsedGroupVersions',
      message: 'All legacy kube types successfully parsed',
    },
    deleted(refusal),
    remaining(content),
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

function remaining(content: readonly Content[]): Condition {
  const type = 'NamespaceContentRemaining';
  if (content.length === 0) {
    return { type, status: 'False', reason: 'ContentRemoved', message: 'All content successfully removed' };
  }
  const lines = content.map(
    ({ cache, objects }) =>
      `${resourceText(cache.kind)}${cache.kind.group ? '' : '.'} has ${objects.length} resource instances`,
  );
  const message = `Some resources are remaining: ${lines.sort(compareText).join(', ')}`;
  return { type, status: 'True', reason: 'SomeResourcesRemain', message };
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
