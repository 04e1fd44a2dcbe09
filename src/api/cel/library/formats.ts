import { dnsLabel, dnsOldLabel, dnsSubdomain, type Grammar, labelValue, qualifiedName } from '../../names.ts';
import { canonicalBase64 } from '../../schema/scalars.ts';
import type { Functions, Overload } from '../environment.ts';
import * as types from '../type.ts';
import { none, Opaque, Optional, type Result } from '../value.ts';
import { byTraversal, method, plain } from './declare.ts';
import { parseTimestamp } from './time-text.ts';
import { isUrl } from './urls.ts';

export const formatType = { kind: 'opaque', name: 'kubernetes.NamedFormat' } as const;

class NamedFormat extends Opaque {
  readonly typeName = formatType.name;
  readonly name: string;
  readonly grammar: Grammar;
  constructor(name: string, grammar: Grammar) {
    super();
    this.name = name;
    this.grammar = grammar;
  }
  equals(other: Opaque): boolean {
    return this.name === (other as NamedFormat).name;
  }
}

/** A prefix may end where a whole name may not. */
const prefixOf =
  (grammar: Grammar): Grammar =>
  (text) =>
    grammar(text.endsWith('-') && text.length > 1 ? `${text.slice(0, -1)}a` : text);
const saying =
  (fits: (text: string) => boolean, sentence: string): Grammar =>
  (text) =>
    fits(text) ? [] : [sentence];

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const isDate = (text: string): boolean =>
  /^\d{4}-\d\d-\d\d$/.test(text) && parseTimestamp(`${text}T00:00:00Z`) !== undefined;

const formats: readonly NamedFormat[] = Object.entries<Grammar>({
  dns1123Label: dnsLabel,
  dns1123Subdomain: dnsSubdomain,
  dns1035Label: dnsOldLabel,
  qualifiedName,
  dns1123LabelPrefix: prefixOf(dnsLabel),
  dns1123SubdomainPrefix: prefixOf(dnsSubdomain),
  dns1035LabelPrefix: prefixOf(dnsOldLabel),
  labelValue,
  uri: saying(isUrl, 'invalid URI for request'),
  uuid: saying((text) => uuid.test(text), 'does not match the UUID format'),
  byte: saying((text) => 'value' in canonicalBase64(text), 'invalid base64'),
  date: saying(isDate, 'invalid date'),
  datetime: saying((text) => parseTimestamp(text) !== undefined, 'invalid datetime'),
}).map(([name, grammar]) => new NamedFormat(name, grammar));

function named(name: string): Result {
  const found = formats.find((format) => format.name === name);
  return found ? new Optional(found) : none;
}

function validated({ grammar }: NamedFormat, text: string): Result {
  const sentences = grammar(text);
  return sentences.length === 0 ? none : new Optional(sentences);
}

const constants = formats.map((format): readonly [string, readonly Overload[]] => [
  `format.${format.name}`,
  [plain(`format_${format.name}`, [], formatType, () => format)],
]);

export const namedFormats: Functions = {
  'format.named': [plain('format_named', [types.string], types.optionalOf(formatType), named)],
  validate: [
    method('format_validate', [formatType, types.string], types.optionalOf(types.listOf(types.string)), [
      validated,
      byTraversal(1),
    ]),
  ],
  ...Object.fromEntries(constants),
};
