import { ApiError } from '../api/error.ts';
import { type FieldError, forbidden, invalid, invalidObject, required } from '../api/field-error.ts';
import type { KubeObject } from '../api/object.ts';
import { configText } from '../api/patch/apply.ts';
import { goText } from '../api/patch/go-text.ts';
import { jsonPatch, unknownInPatch } from '../api/patch/json.ts';
import { mergePatch } from '../api/patch/merge.ts';
import { strategicPatch } from '../api/patch/strategic.ts';
import { JsonSyntaxError } from '../api/schema/decode-json.ts';
import { decodeJsonInSteps } from '../api/schema/decode-long-json.ts';
import { readerOf } from '../api/schema/kind-type.ts';
import { schemaOf } from '../api/schema/schema.ts';
import { type ApiRequest, queryValue } from '../api/wire.ts';
import { isObject, type Json, type JsonObject } from '../base/json.ts';
import type { Steps } from '../base/steps.ts';
import { sentTypeOf, unknownField, wholeText } from './body.ts';
import { calling, type Decoded } from './decode.ts';
import type { GroupVersionKind } from './identify.ts';
import { type ResourceRoute, requireSameName, requireSameNamespace } from './route.ts';

export const applyType = 'application/apply-patch+yaml';
const jsonPatchType = 'application/json-patch+json';
const mergePatchType = 'application/merge-patch+json';
const strategicPatchType = 'application/strategic-merge-patch+json';
export const builtInPatchTypes: readonly string[] = [jsonPatchType, mergePatchType, strategicPatchType, applyType];

/** What only a patch may say wrongly about itself. */
export function patchOptionErrors(request: ApiRequest): readonly FieldError[] {
  const isApply = sentTypeOf(request) === applyType;
  if (!isApply && queryValue(request.query, 'force') !== undefined) {
    return [forbidden('force', 'may not be specified for non-apply patch')];
  }
  if (!isApply || queryValue(request.query, 'fieldManager')) return [];
  return [required('fieldManager', 'is required for apply patch')];
}

export function isForced(request: ApiRequest): boolean {
  const force = queryValue(request.query, 'force');
  return force !== undefined && !['false', '0'].includes(force.toLowerCase());
}

/** Custom objects have no strategies to merge by. */
export function requirePatchType(request: ApiRequest, kind: GroupVersionKind): void {
  const types = [jsonPatchType, mergePatchType, ...(schemaOf(kind) ? [strategicPatchType] : []), applyType];
  if (types.includes(sentTypeOf(request))) return;
  throw new ApiError(
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${types.join(', ')}`,
  );
}

export type Patch = (live: JsonObject) => Steps<Decoded>;

/**
 * How this request, which is no apply, changes a live object of the kind. Through `status` nothing else is kept: what
 * the patch leaves as it was is not read again.
 */
export function* patchOf(request: ApiRequest, kind: GroupVersionKind, subresource = ''): Steps<Patch> {
  const knownOf = (live: JsonObject) => (subresource === 'status' ? { known: live } : {});
  requirePatchType(request, kind);
  const type = schemaOf(kind);
  const mode = queryValue(request.query, 'fieldValidation') || 'Warn';
  const read = yield* readPatch(request, mode !== 'Ignore');
  switch (sentTypeOf(request)) {
    case jsonPatchType: {
      const odd = unknownInPatch(read.patch).map((path) => `json patch unknown field ${JSON.stringify(path)}`);
      return function* (live) {
        const next = yield* jsonPatch(live, read.patch);
        return yield* decoded({
          next,
          kind,
          mode,
          ...knownOf(live),
          complaints: odd,
          shown: () => JSON.stringify(next),
        });
      };
    }
    case mergePatchType: {
      const patch = objectPatch(read.patch, 'error decoding patch: ');
      const { complaints } = read;
      return function* (live) {
        const next = yield* mergePatch(live, patch);
        return yield* decoded({ next, kind, mode, ...knownOf(live), complaints, shown: () => JSON.stringify(next) });
      };
    }
    default: {
      const patch = objectPatch(read.patch, '');
      const { complaints } = read;
      // It is the live object that is changed, whatever the patch calls itself.
      const identity = { apiVersion: apiVersionOf(kind), kind: kind.kind };
      return function* (live) {
        const next = yield* calling((yield* strategicPatch(type, live, patch)) as JsonObject, identity);
        return yield* decoded({ next, kind, mode, ...knownOf(live), complaints, shown: () => goText(patch) });
      };
    }
  }
}

/** What an apply of this configuration made, read as its kind. */
export function* decodedApply(object: JsonObject, kind: GroupVersionKind, config: JsonObject): Steps<KubeObject> {
  const read = readerOf(kind);
  if (!read) return withMetadata(object);
  const walked = yield* read(object);
  const gvk = `${kind.group}/${kind.version}, Kind=${kind.kind}`;
  if (walked.errors.length > 0) {
    throw new ApiError(
      '',
      `failed to convert new object (${configText(config)}) to proper version: unable to convert unstructured object to ${gvk}: ${walked.errors[0]}`,
    );
  }
  return withMetadata({ ...walked.value, apiVersion: apiVersionOf(kind), kind: kind.kind });
}

/** A patch changes neither who an object is nor where. */
export function requireIdentity(route: ResourceRoute, live: KubeObject | undefined, next: KubeObject): KubeObject {
  const { name, namespace, uid } = next.metadata;
  requireSameNamespace(route, namespace);
  requireSameName(route, name);
  if (live && uid && uid !== live.metadata.uid) {
    throw invalidObject(route.kind, route.name, [invalid('metadata.uid', uid, 'field is immutable')]);
  }
  return next;
}

function* readPatch(
  request: ApiRequest,
  strict: boolean,
): Steps<{ readonly patch: Json; readonly complaints: readonly string[] }> {
  const { body } = request;
  if (body && 'object' in body) return { patch: body.object, complaints: [] };
  const prefix = sentTypeOf(request) === strategicPatchType ? '' : 'error decoding patch: ';
  try {
    const text = body ? yield* wholeText(request) : '';
    const { value, duplicates } = yield* decodeJsonInSteps(text, { duplicates: strict });
    return { patch: value, complaints: duplicates.map((path) => `duplicate field ${JSON.stringify(path)}`) };
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw new ApiError('BadRequest', prefix + error.message);
    throw error;
  }
}

function objectPatch(patch: Json, prefix: string): JsonObject {
  if (isObject(patch)) return patch;
  if (patch === null) throw new ApiError('BadRequest', 'Invalid JSON Patch');
  const why = `json: cannot unmarshal ${wordFor(patch)} into Go value of type map[string]interface {}`;
  throw new ApiError('BadRequest', prefix + why);
}

interface Patched {
  readonly next: Json;
  readonly kind: GroupVersionKind;
  readonly mode: string;
  readonly known?: JsonObject;
  readonly complaints: readonly string[];
  /** What an error shows: the whole object for some patches, the patch for others. */
  shown(): string;
}

function* decoded({ next, kind, mode, known, complaints, shown }: Patched): Steps<Decoded> {
  const refused = (why: string) => invalidObject({ group: '', kind: '' }, '', [invalid('patch', shown(), why)]);
  if (!isObject(next)) {
    throw refused(`json: cannot unmarshal ${wordFor(next)} into Go value of type map[string]interface {}`);
  }
  const apiVersion = apiVersionOf(kind);
  const said = { apiVersion: next.apiVersion || apiVersion, kind: next.kind || kind.kind };
  if (said.apiVersion !== apiVersion || said.kind !== kind.kind) {
    const [name, version] = [JSON.stringify(said.kind), JSON.stringify(said.apiVersion)];
    throw refused(`no kind ${name} is registered for version ${version} in scheme "pkg/runtime/scheme.go:111"`);
  }
  const typed = yield* calling(next, { apiVersion, kind: kind.kind });
  const read = readerOf(kind);
  const walked = read ? yield* read(typed, known) : { value: typed, unknown: [], errors: [] };
  if (walked.errors.length > 0) throw refused(walked.errors[0] as string);
  const odd = [...complaints, ...walked.unknown.map(unknownField)];
  if (odd.length > 0 && mode === 'Strict') throw refused(`strict decoding error: ${odd.join(', ')}`);
  const object = withMetadata({ ...walked.value, apiVersion, kind: kind.kind });
  return { object, warnings: mode === 'Ignore' ? [] : odd };
}

const withMetadata = (value: JsonObject): KubeObject =>
  ({ ...value, metadata: isObject(value.metadata) ? value.metadata : {} }) as unknown as KubeObject;

const apiVersionOf = ({ group, version }: GroupVersionKind): string => (group ? `${group}/${version}` : version);

function wordFor(value: Json): string {
  if (Array.isArray(value)) return 'array';
  if (value === null) return 'null';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}
