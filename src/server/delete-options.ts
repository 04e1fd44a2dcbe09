import { ApiError } from '../api/error.ts';
import { schemaOf } from '../api/schema/schema.ts';
import { walk } from '../api/schema/walker.ts';
import { type ApiRequest, queryValue } from '../api/wire.ts';
import { isObject } from '../base/json.ts';
import { finish } from '../base/steps.ts';
import { readBody, requireShort, UnreadableBody } from './body.ts';
import type { DeleteOptions } from './delete.ts';
import { notRegistered, saidBy } from './identify.ts';
import { type AskedOptions, checkOptions } from './write-options.ts';

const facts = { group: '', version: 'v1', kind: 'DeleteOptions' };

/** How a delete is to be done: its body, and the query keys that clients use instead of one. */
export function deleteOptionsOf(request: ApiRequest): DeleteOptions {
  const { query, body } = request;
  const dryRun = query.filter(([key]) => key === 'dryRun').map(([, value]) => value);
  const isInBody = body !== undefined && !('bytes' in body && body.bytes.length === 0);
  const options: DeleteOptions & AskedOptions = {
    // Of a request that says it both ways the body counts; only that nothing is to happen is heard either way.
    ...(dryRun.length > 0 ? { dryRun } : {}),
    ...(isInBody ? fromBody(request) : fromQuery(query)),
  };
  checkOptions('DeleteOptions', options);
  return options;
}

function fromQuery(query: ApiRequest['query']): DeleteOptions & AskedOptions {
  const policy = queryValue(query, 'propagationPolicy');
  const orphans = queryValue(query, 'orphanDependents');
  return {
    ...(policy === undefined ? {} : { propagationPolicy: policy }),
    ...(orphans === undefined ? {} : { orphanDependents: orphans === 'true' || orphans === '1' }),
    ...graceOf(queryValue(query, 'gracePeriodSeconds')),
  };
}

function graceOf(text: string | undefined): { readonly gracePeriodSeconds?: number } {
  if (text === undefined || text === '') return {};
  if (!/^[-+]?\d{1,18}$/.test(text)) {
    throw new ApiError('BadRequest', `strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  return { gracePeriodSeconds: Number(text) };
}

function fromBody(request: ApiRequest): DeleteOptions {
  requireShort(request);
  try {
    const { value } = finish(readBody(request, false));
    const { apiVersion, kind } = saidBy(value);
    if (kind && kind !== facts.kind) {
      const slash = apiVersion.indexOf('/');
      const group = slash < 0 ? '' : apiVersion.slice(0, slash);
      throw new ApiError('BadRequest', notRegistered({ group, version: apiVersion.slice(slash + 1) || 'v1', kind }));
    }
    const type = schemaOf(facts);
    if (!type || !isObject(value)) return {};
    const walked = walk(type, value);
    if (walked.errors.length > 0) throw new ApiError('BadRequest', walked.errors[0] as string);
    return walked.value as unknown as DeleteOptions;
  } catch (error) {
    if (error instanceof UnreadableBody) throw new ApiError('BadRequest', error.message);
    throw error;
  }
}
