import { isObject, type JsonObject } from '../base/json.ts';
import { jsonText, memberName, membersText } from '../base/shared-json.ts';
import type { Entry } from './store.ts';

/** The text of an object, but for what it is: whoever shows it says that, and puts something between. */
export interface TextParts {
  /** Braces and all. */
  readonly metadata: string;
  /** Whatever else it has, each member behind a comma. */
  readonly rest: string;
}

interface Kept {
  readonly entry: Entry;
  readonly parts: TextParts;
}

/** As many are kept, and none that is longer: what is written is answered and told within a few turns, and not aged. */
const keptMax = 96;
const keptLettersMax = 16 * 1024;
/** The one with revision n is at n modulo its length. */
const kept: (Kept | undefined)[] = Array.from({ length: keptMax }, () => undefined);

/** As it is stored. Whoever answers it or tells watchers of it soon finds its text made. */
export function entryText(entry: Entry): string {
  const { value } = entry;
  if (!isObject(value) || !isObject(value['metadata'])) return jsonText(value);
  const parts = partsOf(value);
  const text = `{${nameOf(value, 'kind')}${nameOf(value, 'apiVersion')}"metadata":${parts.metadata}${parts.rest}}`;
  if (text.length <= keptLettersMax) kept[entry.modified % keptMax] = { entry, parts };
  return text;
}

/** Of an entry's object, as it was stored a moment ago or made now. */
export function textParts(entry: Entry): TextParts {
  const known = kept[entry.modified % keptMax];
  return known?.entry === entry ? known.parts : partsOf(entry.value as JsonObject);
}

/** Of any object that has metadata. */
export function partsOf(object: JsonObject): TextParts {
  let rest = '';
  for (const key in object) {
    const member = object[key];
    if (member === undefined || key === 'kind' || key === 'apiVersion' || key === 'metadata') continue;
    rest += `,${memberName(key)}${jsonText(member)}`;
  }
  return { metadata: membersText(object['metadata'] as JsonObject), rest };
}

function nameOf(object: JsonObject, key: string): string {
  const member = object[key];
  return member === undefined ? '' : `${memberName(key)}${jsonText(member)},`;
}
