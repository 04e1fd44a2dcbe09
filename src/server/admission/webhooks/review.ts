import { ApiError, type Reason } from '../../../api/error.ts';
import type { Kind } from '../../../api/kind.ts';
import type { KubeObject } from '../../../api/object.ts';
import { jsonPatch } from '../../../api/patch/json.ts';
import { decodeBase64 } from '../../../base/base64.ts';
import { decodeText, isObject, type Json, type JsonObject } from '../../../base/json.ts';
import { finish } from '../../../base/steps.ts';
import type { AdmissionRequest } from '../plugin.ts';

const knownVersions = ['v1', 'v1beta1'];
const optionKinds = { CREATE: 'CreateOptions', UPDATE: 'UpdateOptions', DELETE: 'DeleteOptions', CONNECT: '' } as const;

export interface Verdict {
  readonly allowed: boolean;
  readonly status?: JsonObject;
  readonly warnings: readonly string[];
  /** What the hook wants written down. */
  readonly annotations: JsonObject;
  /** What a mutating hook makes of the object. */
  readonly patched?: Json;
}

/** The AdmissionReview that a hook is sent. */
export function reviewOf(
  uid: string,
  versions: readonly string[],
  object: KubeObject | undefined,
  request: AdmissionRequest,
): JsonObject {
  const { operation, kind, route, caller, previous, dryRun, asked = kind } = request;
  const sub = route.subresource;
  const apiVersion = versions.find((one) => knownVersions.includes(one)) ?? 'v1';
  const options = {
    kind: optionKinds[operation],
    apiVersion: 'meta.k8s.io/v1',
    ...(dryRun ? { dryRun: ['All'] } : {}),
  };
  return {
    kind: 'AdmissionReview',
    apiVersion: `admission.k8s.io/${apiVersion}`,
    request: {
      uid,
      kind: kindIn(kind),
      resource: resourceIn(kind),
      ...(sub ? { subResource: sub } : {}),
      requestKind: kindIn(asked),
      requestResource: resourceIn(asked),
      ...(sub ? { requestSubResource: sub } : {}),
      ...(route.name ? { name: route.name } : {}),
      ...(route.namespace ? { namespace: route.namespace } : {}),
      operation,
      userInfo: {
        username: caller.name,
        ...(caller.uid ? { uid: caller.uid } : {}),
        groups: caller.groups,
        ...(Object.keys(caller.extra).length > 0 ? { extra: caller.extra } : {}),
      },
      object: (operation === 'DELETE' ? null : (object ?? null)) as Json,
      oldObject: (operation === 'CREATE' ? null : (previous ?? null)) as Json,
      dryRun,
      options: options.kind === '' ? null : options,
    } as unknown as Json,
  };
}

const kindIn = ({ group, version, kind }: Kind): JsonObject => ({ group, version, kind });
const resourceIn = ({ group, version, plural }: Kind): JsonObject => ({ group, version, resource: plural });

/** What a hook said. Throws where it makes no sense: then it counts as not having answered. */
export function verdictOf(answer: JsonObject, uid: string, object: KubeObject | undefined): Verdict {
  const { response } = answer;
  if (!isObject(response)) throw new Error('webhook response was absent');
  if (response.uid !== uid)
    throw new Error(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response.uid ?? '')}`);
  const warnings = Array.isArray(response.warnings) ? response.warnings.map(String) : [];
  const status = isObject(response.status) ? { status: response.status } : {};
  const { patch, patchType } = response;
  const annotations = isObject(response.auditAnnotations) ? response.auditAnnotations : {};
  const verdict: Verdict = { allowed: response.allowed === true, warnings, annotations, ...status };
  if (patch === undefined || patch === null) {
    if (patchType) throw new Error('webhook returned response.patchType but not response.patch');
    return verdict;
  }
  if (patchType !== 'JSONPatch') throw new Error(`unsupported response.patchType=${JSON.stringify(patchType ?? '')}`);
  if (!verdict.allowed) return verdict;
  const operations: Json = JSON.parse(decodeText(decodeBase64(String(patch))));
  return { ...verdict, patched: finish(jsonPatch(object as unknown as Json, operations)) };
}

/** The error of a request that a hook does not allow, in the hook's own words. */
export function refusal(name: string, status: JsonObject = {}): ApiError {
  const { code, reason, message, details } = status;
  const by = `admission webhook ${JSON.stringify(name)} denied the request`;
  const text = message
    ? `${by}: ${String(message)}`
    : reason
      ? `${by}: ${String(reason)}`
      : `${by} without explanation`;
  const given = typeof code === 'number' && code >= 400 ? code : 400;
  return new ApiError((reason ?? '') as Reason, text, isObject(details) ? details : undefined, given);
}
