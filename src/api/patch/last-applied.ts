import { isObject, type Json, type JsonObject } from '../../base/json.ts';
import type { Steps } from '../../base/steps.ts';
import { annotationBytesMax, annotationBytesOf } from '../metadata-rules.ts';
import type { Labels } from '../object.ts';
import { compareInSteps } from './compare.ts';
import type { FieldSet } from './field-set.ts';
import { differenceInSteps } from './field-set-in-steps.ts';
import type { Followed } from './managed-fields.ts';
import { fieldsOf } from './typed.ts';
import { typeErrors } from './validate-typed.ts';

const lastAppliedKey = 'kubectl.kubernetes.io/last-applied-configuration';
const nothingIgnored: ReadonlySet<string> = new Set();

/** What kubectl applied without the server and is still as it was applied, told by the annotation that it left. */
export function* appliedByClient(followed: Followed, live: JsonObject): Steps<FieldSet | undefined> {
  const text = annotationsOf(live)?.[lastAppliedKey];
  if (!text) return undefined;
  const applied = parsed(text);
  if (!applied || applied.apiVersion !== followed.apiVersion) return undefined;
  if (yield* typeErrors(followed.shape, applied)) return undefined;
  const set = yield* fieldsOf(followed.shape, applied, nothingIgnored);
  const changes = yield* compareInSteps(followed.shape, applied, live, nothingIgnored);
  if (!changes) return set;
  const others = [changes.modified, changes.added, changes.removed];
  let left = set;
  for (const other of others) left = yield* differenceInSteps(left, other);
  return left;
}

/** Keeps the annotation up to date for whoever goes back to kubectl's own apply. */
export function withLastApplied(object: JsonObject, config: JsonObject): JsonObject {
  const annotations = annotationsOf(object);
  if (!annotations?.[lastAppliedKey]) return object;
  const next: Labels = { ...annotations, [lastAppliedKey]: `${sortedText(withoutAnnotation(config))}\n` };
  const { [lastAppliedKey]: _tooLong, ...others } = next;
  const kept = annotationBytesOf(next) > annotationBytesMax ? others : next;
  return { ...object, metadata: { ...(object.metadata as JsonObject), annotations: kept } };
}

function annotationsOf(object: JsonObject): Labels | undefined {
  const annotations = isObject(object.metadata) ? object.metadata.annotations : undefined;
  return isObject(annotations) ? (annotations as Labels) : undefined;
}

function withoutAnnotation(config: JsonObject): JsonObject {
  const annotations = annotationsOf(config);
  if (annotations?.[lastAppliedKey] === undefined) return config;
  const { [lastAppliedKey]: _gone, ...others } = annotations;
  return { ...config, metadata: { ...(config.metadata as JsonObject), annotations: others } };
}

function parsed(text: string): JsonObject | undefined {
  try {
    const value = JSON.parse(text) as Json;
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function sortedText(value: Json): string {
  return JSON.stringify(value, (_, inner: Json) =>
    isObject(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner,
  );
}
