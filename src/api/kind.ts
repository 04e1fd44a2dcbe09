import type { Instant } from '../base/env.ts';
import type { Json, JsonObject } from '../base/json.ts';
import type { Steps } from '../base/steps.ts';
import type { Stop } from '../base/stop.ts';
import type { FieldError } from './field-error.ts';
import type { KubeObject } from './object.ts';
import type { ObjectType } from './schema/schema.ts';
import type { Walked } from './schema/walker.ts';
import type { Caller } from './wire.ts';

/** The names of fields, one inside the other. */
export type FieldPath = readonly string[];

export type Verb = 'create' | 'delete' | 'deletecollection' | 'get' | 'list' | 'patch' | 'update' | 'watch';

/** What discovery says about a kind: facts, made from upstream's own documents by tools/schema.ts. */
export interface KindFacts {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly namespaced: boolean;
  readonly verbs: readonly Verb[];
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly subresources: readonly SubresourceFacts[];
}
export interface SubresourceFacts {
  readonly name: string;
  /** The kind that the subresource speaks, where it is not the resource's own: Scale, Eviction, TokenRequest. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly verbs: readonly Verb[];
}

export interface Column {
  readonly name: string;
  readonly type?: 'string' | 'integer' | 'number' | 'boolean' | 'date';
  readonly format?: string;
  readonly description?: string;
  /** 1: only with -o wide. */
  readonly priority?: number;
}

/** Why an object is being written: most rules are the same for all, some depend on it. */
export interface WriteContext {
  readonly now: Instant;
  /** '' for the main resource, or 'status', 'ephemeralcontainers', 'resize', ... */
  readonly subresource: string;
  /** Who writes: some objects say so. */
  readonly caller?: Caller;
}

/**
 * What a kind's own file says, beyond the facts. Everything is optional: a kind without a file is structurally checked,
 * stored and served all the same. All functions are pure; objects are never changed in place.
 */
export interface KindRules<T extends KubeObject = KubeObject> {
  /** Fills in what upstream fills in. Runs on every decoded object, before admission and again after it. */
  defaults?(draft: T): T;
  /** The same for kinds whose objects may be long. */
  defaultsInSteps?(draft: T): Steps<T>;
  /** What a create may not set (status, ...), and what is derived. Generation and identity are the registry's work. */
  prepareCreate?(draft: T, context: WriteContext): T;
  /** What an update may not change silently: by default a main-resource update keeps the old status. */
  prepareUpdate?(next: T, previous: T, context: WriteContext): T;
  validate?(next: T, previous: T | undefined, context: WriteContext): readonly FieldError[];
  /** The same for kinds whose objects may take long to judge. `ofMeta`: what is wrong with the metadata, told already. */
  validateInSteps?(next: T, previous: T | undefined, ofMeta?: readonly FieldError[]): Steps<readonly FieldError[]>;
  /** Sentences for Warning headers. */
  warnings?(next: T, previous: T | undefined): readonly string[];
  /** Whether the spec counts as changed. By default: whether anything outside metadata did, and outside status where that is written by itself. */
  changesGeneration?(next: T, previous: T): boolean;
  readonly columns?: readonly Column[];
  /** In which order a table shows objects, where it is not that of their names. */
  tableOrder?(a: T, b: T): number;
  /** One table row; as many cells as there are columns. */
  cells?(object: T, now: Instant): readonly Json[];
  /** The object without what only the form of this version has: what metadata alone shows of it. */
  inner?(object: T): T;
  /** Field selectors beyond metadata.name and metadata.namespace. */
  fields?(object: T): Readonly<Record<string, string>>;
  /** What a name must look like; by default a DNS subdomain. Answers the sentences of what is wrong. */
  validateName?(name: string, prefix: boolean): readonly string[];
  /** Graceful deletion: the seconds an object stays, terminating, before it is removed. 0 or undefined: at once. */
  gracePeriodSeconds?(object: T, asked: number | undefined): number;
  /** Whether something in the object itself holds back its removal, besides metadata.finalizers (spec.finalizers). */
  isHeld?(object: T): boolean;
  /** What it owns stays when it is deleted by somebody who does not say otherwise. */
  readonly orphansByDefault?: boolean;
  /** What deletion changes in an object that stays for a while (phase: Terminating). */
  markDeleted?(object: T): T;
  /** False for the kinds whose metadata carries no generation. By default those with a status subresource carry it. */
  readonly hasGeneration?: boolean;
  /** Whether an update must say which revision it changes. */
  readonly needsRevision?: boolean;
  /**
   * By subresource, '' for the object itself: what a write through it leaves as it was besides the other half, so that
   * nobody comes to own it that way.
   */
  readonly resets?: Readonly<Record<string, readonly FieldPath[]>>;
  /** Whether whoever deletes an object is shown it once more, instead of being told that it is gone. */
  readonly answersDeleted?: boolean;
  /** Whether an object that comes without a name is given one instead of being refused. */
  readonly namesItself?: boolean;
  /** Whether PUT of a name that is not there creates it. */
  readonly createOnUpdate?: boolean;
  /** Another kind holds the stored form (events.k8s.io Event is stored as core Event): its key prefix and conversion. */
  readonly storedAs?: {
    readonly group: string;
    readonly plural: string;
    to(object: T): KubeObject;
    /** `raw` is the stored value itself, where there is one: what was made of it before is kept with it. */
    from(stored: KubeObject, raw?: Json): T;
  };
}

/** What only kinds have that a definition in the cluster made. */
export interface CustomForm {
  readonly listKind: string;
  readonly type: ObjectType;
  /** As its definition has it. */
  readonly schema: JsonObject;
  /** What the schema knows of an object, the paths of what it does not, and why it cannot be read at all. */
  decode(value: JsonObject): Steps<Walked>;
  /** Where a Scale finds what it speaks of. */
  readonly scale?: {
    readonly specReplicasPath: string;
    readonly statusReplicasPath: string;
    readonly labelSelectorPath?: string;
  };
  /** Why nothing can be made at the moment. */
  readonly closed?: string;
  /** When the definition says something else, and who watches by it has to come again. */
  readonly superseded: Stop;
  /** What everybody who asks for this version is told. */
  readonly warning?: string;
}

/** All that is known about one kind, one version. Server, client, `kubectl get` and dashboard are driven by it. */
export interface Kind<T extends KubeObject = KubeObject> extends KindFacts {
  readonly apiVersion: string;
  readonly rules: KindRules<T>;
  readonly custom?: CustomForm;
}

export function makeKind<T extends KubeObject>(facts: KindFacts, rules: KindRules<T> = {}): Kind<T> {
  return { ...facts, apiVersion: facts.group ? `${facts.group}/${facts.version}` : facts.version, rules };
}

/** `deployments.apps`, `pods`: how messages name a resource. */
export const resourceText = (kind: { readonly group: string; readonly plural: string }): string =>
  kind.group ? `${kind.plural}.${kind.group}` : kind.plural;

/** The path of a collection or of one object. */
export function pathOf(kind: KindFacts, namespace = '', name = '', subresource = ''): string {
  const root = kind.group ? `/apis/${kind.group}/${kind.version}` : `/api/${kind.version}`;
  const scope = kind.namespaced && namespace ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  const rest = name ? `/${encodeURIComponent(name)}${subresource ? `/${subresource}` : ''}` : '';
  return `${root}${scope}/${kind.plural}${rest}`;
}
