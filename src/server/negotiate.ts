import { ApiError } from '../api/error.ts';
import { jsonType, objectType, protobufType, yamlType } from '../api/wire.ts';

export type AnswerType = typeof jsonType | typeof protobufType | typeof yamlType | typeof objectType;
export type Shape = 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList';

/** How an answer is to look. */
export interface Wanted {
  readonly mediaType: AnswerType;
  /** Not the object itself, but a view of it in a version of meta.k8s.io. */
  readonly as?: Shape;
  readonly version?: 'v1' | 'v1beta1';
}

const objectWanted: Wanted = { mediaType: objectType };
const jsonWanted: Wanted = { mediaType: jsonType };
const known = [jsonType, yamlType, protobufType] as const;
/** What a watch can be written in. */
const streamed = [jsonType, protobufType] as const;
const shapes: ReadonlySet<string> = new Set(['Table', 'PartialObjectMetadata', 'PartialObjectMetadataList']);
/** More choices than any client has are not looked at. */
const choicesMax = 64;

/** The best of the client's choices that we have, as it is asked for one object, a list or a watch. */
export function negotiate(accept: string | undefined, watch = false): Wanted {
  if (accept === undefined || accept === '' || accept === jsonType || accept === '*/*') return jsonWanted;
  if (accept.startsWith(objectType)) return objectWanted;
  for (const choice of choicesOf(accept)) {
    for (const mediaType of watch ? streamed : known) {
      const wanted = matches(choice, mediaType) ? shaped(choice, mediaType) : undefined;
      if (wanted) return wanted;
    }
  }
  const accepted = watch ? streamed.map((mediaType) => `${mediaType};stream=watch`) : known;
  throw new ApiError('NotAcceptable', `only the following media types are accepted: ${accepted.join(', ')}`, {});
}

/** How an error or any other answer of no shape is written: as asked if possible, else as JSON. */
export function negotiatePlain(accept: string | undefined): AnswerType {
  if (accept === undefined || accept === '' || accept === jsonType || accept === '*/*') return jsonType;
  if (accept.startsWith(objectType)) return objectType;
  for (const choice of choicesOf(accept)) {
    const found = known.find((mediaType) => matches(choice, mediaType));
    if (found && !choice.parameters.has('as')) return found;
  }
  return jsonType;
}

interface Choice {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly quality: number;
}

/** What the client likes best comes first; of equals, what it named first. */
function choicesOf(accept: string): readonly Choice[] {
  return accept
    .split(',', choicesMax)
    .map(choiceOf)
    .sort((a, b) => b.quality - a.quality);
}

function choiceOf(text: string): Choice {
  const [type = '', ...rest] = text.split(';').map((part) => part.trim());
  const parameters = new Map(
    rest.map((part) => {
      const equals = part.indexOf('=');
      return equals < 0 ? [part, ''] : [part.slice(0, equals).trim(), part.slice(equals + 1).trim()];
    }),
  );
  const quality = Number(parameters.get('q') ?? 1);
  return { type, parameters, quality: Number.isFinite(quality) ? quality : 1 };
}

function matches({ type }: Choice, mediaType: string): boolean {
  return type === mediaType || type === '*/*' || type === 'application/*';
}

function shaped({ parameters }: Choice, mediaType: Wanted['mediaType']): Wanted | undefined {
  const stream = parameters.get('stream') ?? 'watch';
  if (stream !== '' && stream !== 'watch') return undefined;
  const as = parameters.get('as');
  if (as === undefined) return { mediaType };
  const version = parameters.get('v');
  const served = parameters.get('g') === 'meta.k8s.io' && (version === 'v1' || version === 'v1beta1');
  // A table has no protobuf form.
  if (!served || !shapes.has(as) || (as === 'Table' && mediaType === protobufType)) return undefined;
  return { mediaType, as: as as Shape, version };
}
