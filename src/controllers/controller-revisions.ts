import { type ControllerRevision, controllerRevisions } from '../api/kinds/controller-revision.ts';
import type { PodTemplate } from '../api/kinds/pod.ts';
import { controllerOf, type Draft, type KubeObject, keyOf, type Labels } from '../api/object.ts';
import { hash32 } from '../base/hash.ts';
import { canonicalJson, type Json, type JsonObject } from '../base/json.ts';
import { compareText } from '../base/text.ts';
import { type Action, act } from '../client/action.ts';
import type { Cache } from '../machinery/cache.ts';
import { controllerReference } from './ownership.ts';
import { hashLetters } from './revision-hash.ts';

const namePrefixMax = 223;

/** A template as a patch of the object it came from: put back, it replaces the whole template. */
export function templateData(template: PodTemplate): JsonObject {
  return { spec: { template: { ...(template as unknown as JsonObject), $patch: 'replace' } } };
}

/** The template that a revision keeps. */
export function templateOf(revision: Pick<ControllerRevision, 'metadata'>): PodTemplate {
  const data = (revision as unknown as { readonly data?: { readonly spec?: { readonly template?: JsonObject } } }).data;
  const { $patch: _patch, ...template } = data?.spec?.template ?? {};
  return template as unknown as PodTemplate;
}

export const revisionOf = (revision: ControllerRevision): number =>
  Number((revision as unknown as { readonly revision?: number }).revision ?? 0);

const textOf = (revision: ControllerRevision): string =>
  canonicalJson((revision as unknown as { readonly data?: Json }).data);

export const oldestFirst = (revisions: readonly ControllerRevision[]): readonly ControllerRevision[] =>
  [...revisions].sort(
    (a, b) =>
      revisionOf(a) - revisionOf(b) ||
      compareText(a.metadata.creationTimestamp, b.metadata.creationTimestamp) ||
      compareText(a.metadata.name, b.metadata.name),
  );

export const nextRevision = (revisions: readonly ControllerRevision[]): number =>
  Math.max(0, ...revisions.map(revisionOf)) + 1;

/** Those that keep this very template, the oldest first. */
export function equalTo(
  template: PodTemplate,
  revisions: readonly ControllerRevision[],
): readonly ControllerRevision[] {
  const text = canonicalJson(templateData(template));
  return oldestFirst(revisions).filter((revision) => textOf(revision) === text);
}

/** How a revision of the template that an object has now would be called. */
export interface RevisionName {
  readonly name: string;
  readonly hash: string;
  readonly collisionCount: number;
}

/** Counts on while somebody else has the name. */
export function revisionName(
  owner: KubeObject,
  template: PodTemplate,
  { cache, collisionCount }: { readonly cache: Cache<ControllerRevision>; readonly collisionCount: number },
): RevisionName {
  const text = canonicalJson(templateData(template));
  for (let count = collisionCount; ; count++) {
    const hash = hashLetters(hash32(count === 0 ? text : `${text}/${count}`));
    const name = `${owner.metadata.name.slice(0, namePrefixMax)}-${hash}`;
    const other = cache.get({ namespace: owner.metadata.namespace ?? '', name });
    const isOurs = other && controllerOf(other)?.uid === owner.metadata.uid && textOf(other) === text;
    if (!other || isOurs) return { name, hash, collisionCount: count };
  }
}

export interface NewRevision {
  readonly kind: { readonly apiVersion: string; readonly kind: string };
  readonly owner: KubeObject;
  readonly template: PodTemplate;
  readonly name: string;
  readonly labels: Labels;
  readonly revision: number;
}

export function createRevision({ kind, owner, template, name, labels, revision }: NewRevision): Action {
  const { annotations } = owner.metadata;
  const object = {
    metadata: {
      name,
      namespace: owner.metadata.namespace ?? '',
      labels: { ...template.metadata?.labels, ...labels },
      ...(annotations ? { annotations } : {}),
      ownerReferences: [controllerReference(kind, owner)],
    },
    data: templateData(template),
    revision,
  } as Draft<ControllerRevision>;
  return act({ verb: 'create', kind: controllerRevisions, object });
}

/** An old template is the current one again. */
export const raiseRevision = (revision: ControllerRevision, to: number): Action =>
  act({ verb: 'patch', kind: controllerRevisions, key: keyOf(revision), patch: { revision: to } });

export const deleteRevision = (revision: ControllerRevision): Action =>
  act({ verb: 'delete', kind: controllerRevisions, key: keyOf(revision), uid: revision.metadata.uid });
