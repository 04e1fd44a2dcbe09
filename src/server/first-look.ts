import { ApiError } from '../api/error.ts';
import type { ApiRequest } from '../api/wire.ts';
import { jsonType, objectType, protobufType, yamlType } from '../api/wire.ts';
import { acceptedTypes, sentTypeOf, unknownFormat } from './body.ts';
import { builtInPatchTypes } from './patch.ts';
import type { ResourceRoute } from './route.ts';
import { notAllowed, notServed } from './unrouted.ts';

const written: readonly string[] = [jsonType, yamlType, protobufType];
const streamed = [`${jsonType};stream=watch`, `${protobufType};stream=watch`];

/**
 * What upstream's router refuses before anybody reads an option, in its order: what there is not, what cannot be done
 * with it, what it is sent in and what its answer is wanted in.
 */
export function refuseAtFirstLook(request: ApiRequest, route: ResourceRoute): void {
  requireServed(route);
  // Custom objects are not asked for through that router, and logs are texts.
  if (route.kind.custom) return;
  if (route.verb === 'patch' && !builtInPatchTypes.includes(sentTypeOf(request))) {
    throw new ApiError('UnsupportedMediaType', '415: Unsupported Media Type', {});
  }
  if (route.subresource !== 'log') requireWritable(request, route);
}

/** Whether a whole object is sent in something that is read. */
export function requireReadable(request: ApiRequest): void {
  if (acceptedTypes.includes(sentTypeOf(request))) return;
  throw new ApiError('UnsupportedMediaType', unknownFormat(acceptedTypes));
}

function requireServed({ kind, subresource, verb, name }: ResourceRoute): void {
  if (subresource !== '') {
    const facts = kind.subresources.find((each) => each.name === subresource);
    if (!facts) throw notServed();
    if (!(facts.verbs as readonly string[]).includes(verb)) throw notAllowed();
  } else if (!(kind.verbs as readonly string[]).includes(verb) || (verb === 'create' && name !== '')) {
    throw notAllowed();
  }
}

function requireWritable({ headers: { accept } }: ApiRequest, { verb }: ResourceRoute): void {
  if (!accept || accept.startsWith(objectType)) return;
  const isFine = (choice: string) => {
    const type = (choice.split(';', 1)[0] as string).trim();
    return type === '*/*' || written.includes(type);
  };
  if (isFine(accept) || accept.split(',').some(isFine)) return;
  const offered = [...written, ...(verb === 'list' || verb === 'watch' ? streamed : [])].join(', ');
  throw new ApiError('NotAcceptable', `406: Not Acceptable\n\nAvailable representations: ${offered}`, {});
}
