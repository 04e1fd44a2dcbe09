import { ApiError } from '../api/error.ts';
import { jsonType, objectType, protobufType, yamlType } from '../api/wire.ts';

/** How an answer is to look. */
export interface Wanted {
  readonly mediaType: typeof jsonType | typeof protobufType | typeof yamlType | typeof objectType;
  readonly as?: 'Table' | 'PartialObjectMetadata';
}

const objectWanted: Wanted = { mediaType: objectType };
const jsonWanted: Wanted = { mediaType: jsonType };
const known = [jsonType, protobufType, yamlType] as const;

/** The first of the client's choices that we have. */
export function negotiate(accept: string | undefined): Wanted {
  if (accept === undefined || accept === '' || accept === jsonType || accept === '*/*') return jsonWanted;
  if (accept.startsWith(objectType)) return objectWanted;
  for (const choice of accept.split(',')) {
    const wanted = parse(choice.trim());
    if (wanted) return wanted;
  }
  throw new ApiError('NotAcceptable', `only the following media types are accepted: ${known.join(', ')}`);
}

function parse(choice: string): Wanted | undefined {
  const [type = '', ...parameters] = choice.split(';').map((part) => part.trim());
  const mediaType = type === '*/*' || type === 'application/*' ? jsonType : known.find((name) => name === type);
  if (!mediaType) return undefined;
  const as = parameters.find((parameter) => parameter.startsWith('as='))?.slice(3);
  if (as === undefined) return { mediaType };
  const version = parameters.find((parameter) => parameter.startsWith('v='))?.slice(2);
  if (version !== 'v1') return undefined;
  if (as === 'Table') return { mediaType: jsonType, as };
  if (as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList') {
    return { mediaType: jsonType, as: 'PartialObjectMetadata' };
  }
  return undefined;
}
