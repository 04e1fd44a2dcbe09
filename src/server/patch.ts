import { ApiError } from '../api/error.ts';
import type { Kind } from '../api/kind.ts';
import type { KubeObject } from '../api/object.ts';
import { jsonPatch } from '../api/patch/json.ts';
import { mergePatch } from '../api/patch/merge.ts';
import { strategicPatch } from '../api/patch/strategic.ts';
import { schemaOf } from '../api/schema/schema.ts';
import { type ApiRequest, queryValue } from '../api/wire.ts';
import { isObject, type Json } from '../base/json.ts';
import { checked, type Decoded, jsonBody, mediaTypeOf } from './decode.ts';

type Patch = (live: Json, patch: Json, kind: Kind) => Json;

const patches: Readonly<Record<string, Patch>> = {
  'application/json-patch+json': (live, patch) => jsonPatch(live, patch),
  'application/merge-patch+json': (live, patch) => mergePatch(live, objectPatch(patch)),
  'application/strategic-merge-patch+json': (live, patch, kind) =>
    strategicPatch(schemaOf(kind), live, objectPatch(patch)),
};

function objectPatch(patch: Json): Json {
  if (!isObject(patch)) throw new ApiError('BadRequest', 'the patch is not a JSON object');
  return patch;
}

/** How this request changes a live object: by the media type of its body. */
export function patchOf(request: ApiRequest, kind: Kind): (live: KubeObject) => Decoded {
  const apply = patches[mediaTypeOf(request)];
  if (!apply) {
    throw new ApiError(
      'UnsupportedMediaType',
      `the body of the request was in an unknown format - accepted media types include: ${Object.keys(patches).join(', ')}`,
    );
  }
  const patch = jsonBody(request);
  const fieldValidation = queryValue(request.query, 'fieldValidation');
  return (live) => {
    const next = apply(live as unknown as Json, patch, kind);
    if (!isObject(next)) throw new ApiError('Invalid', 'the patch leaves no object');
    const decoded = checked(next, kind, fieldValidation);
    if (decoded.object.metadata.name !== live.metadata.name) {
      throw new ApiError(
        'BadRequest',
        `the name of the object (${decoded.object.metadata.name}) does not match the name on the URL (${live.metadata.name})`,
      );
    }
    // Whoever does not name a revision patches whatever is there.
    const named = isObject(patch) && isObject(patch.metadata) && patch.metadata.resourceVersion !== undefined;
    if (named) return decoded;
    const { resourceVersion: _any, ...metadata } = decoded.object.metadata;
    return { ...decoded, object: { ...decoded.object, metadata: metadata as KubeObject['metadata'] } };
  };
}
