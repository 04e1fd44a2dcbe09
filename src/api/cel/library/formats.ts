import { dnsLabel, dnsOldLabel, dnsSubdomain, type Grammar, labelValue, qualifiedName } from '../../names.ts';
import { fitsFormat } from '../../text-formats.ts';
import { type Sized, scaled } from '../cost-range.ts';
import type { Functions, Overload } from '../environment.ts';
import * as types from '../type.ts';
import { none, Opaque, Optional, type Result, sizeOf, type Value } from '../value.ts';
import { method, patternPart, plain, traversal } from './declare.ts';

export const formatType = { kind: 'opaque', name: 'kubernetes.NamedFormat' } as const;

class NamedFormat extends Opaque {
  readonly typeName = formatType.name;
  readonly name: string;
  readonly length: number;
  readonly grammar: Grammar;
  constructor(name: string, length: number, grammar: Grammar) {
    super();
    this.name = name;
    this.length = length;
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

/** Of the format of that name that fields of custom objects may have. */
const asField = (format: string, sentence: string): Grammar => saying((text) => fitsFormat(format, text), sentence);

/** With each how long an expression for it is: what it costs is reckoned by that. */
const formats: readonly NamedFormat[] = Object.entries<readonly [number, Grammar]>({
  dns1123Label: [30, dnsLabel],
  dns1123Subdomain: [60, dnsSubdomain],
  dns1035Label: [30, dnsOldLabel],
  qualifiedName: [60, qualifiedName],
  dns1123LabelPrefix: [30, prefixOf(dnsLabel)],
  dns1123SubdomainPrefix: [60, prefixOf(dnsSubdomain)],
  dns1035LabelPrefix: [30, prefixOf(dnsOldLabel)],
  labelValue: [40, labelValue],
  uri: [1103, asField('uri', 'invalid URI for request')],
  uuid: [70, asField('uuid', 'does not match the UUID format')],
  byte: [84, asField('byte', 'invalid base64')],
  date: [71, asField('date', 'invalid date')],
  datetime: [71, asField('datetime', 'invalid datetime')],
}).map(([name, [length, grammar]]) => new NamedFormat(name, length, grammar));

/** Nobody knows beforehand which format it will be. */
const lengthMax = 128;
const validating = {
  cost: ([format, text]: readonly Value[]) =>
    Math.ceil((1 + sizeOf(text as Value)) * traversal) * Math.ceil((format as NamedFormat).length * patternPart),
  estimate: ([, text]: readonly Sized[]) => ({
    cost: scaled(scaled((text as Sized).size, traversal), lengthMax * patternPart),
  }),
};

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
      validating,
    ]),
  ],
  ...Object.fromEntries(constants),
};
