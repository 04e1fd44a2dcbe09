import { encodeText, isObject, type Json } from '../../base/json.ts';
import { duplicate, invalid, required } from '../field-error.ts';
import { dnsSubdomain, type Grammar, labelValue, qualifiedName } from '../names.ts';
import { deviceSelectorError } from '../policy/device-selector.ts';
import type { Checked } from './checks.ts';

// What claims, classes and slices of devices have in common: names, selectors, settings for a driver.

const domainBytesMax = 63;
const identifierBytesMax = 32;
const poolBytesMax = 253;
const selectorsMax = 32;
const expressionBytesMax = 10 * 1024;
const parametersBytesMax = 10 * 1024;

const identifierPattern = '[A-Za-z_][A-Za-z0-9_]*';
const identifierGrammar = new RegExp(`^${identifierPattern}$`);
const identifier: Grammar = (text) =>
  identifierGrammar.test(text)
    ? []
    : [
        `a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName', regex used for validation is '${identifierPattern}')`,
      ];

export function driverNameRules(name: Checked): void {
  if (!name.needed()) return;
  name.bytesAtMost(domainBytesMax);
  for (const sentence of dnsSubdomain(name.text.toLowerCase())) name.invalid(sentence);
}

/** The name of a pool: domains between slashes. */
export function poolNameRules(name: Checked): void {
  if (!name.needed()) return;
  name.bytesAtMost(poolBytesMax);
  for (const part of name.text.split('/')) {
    for (const sentence of dnsSubdomain(part)) name.add(invalid(name.path, part, sentence));
  }
}

/** The name of an attribute or capacity: an identifier, behind the domain of whoever defines it or without one. */
export function attributeNameRules(name: Checked): void {
  const parts = name.text.split('/');
  const tell = (part: string, sentence: string) => name.add(invalid(name.path, part, sentence));
  const [domain = '', own] = parts;
  if (name.text === '') name.add(required(name.path, 'name required'));
  else if (parts.length === 1) identifierRules(name, domain);
  else if (parts.length > 2) tell(name.text, 'a name must have at most one slash');
  else {
    if (domain === '') tell('', 'the domain must not be empty');
    else {
      if (encodeText(domain).length > domainBytesMax) name.bytesAtMost(domainBytesMax);
      for (const sentence of dnsSubdomain(domain)) tell(domain, sentence);
    }
    if (own === '') tell('', 'the name must not be empty');
    else identifierRules(name, own ?? '');
  }
}

/** Elsewhere than at its own driver an attribute is named with its domain. */
export function fullNameRules(name: Checked): void {
  if (name.text !== '') attributeNameRules(name);
  if (!name.text.includes('/')) name.invalid('a fully qualified name must be a domain and a name separated by a slash');
}

function identifierRules(name: Checked, text: string): void {
  if (encodeText(text).length > identifierBytesMax) name.bytesAtMost(identifierBytesMax);
  for (const sentence of identifier(text)) name.add(invalid(name.path, text, sentence));
}

/** Which devices are meant. */
export function selectorsRules(selectors: Checked): void {
  if (!selectors.itemsAtMost(selectorsMax)) return;
  for (const selector of selectors.items()) {
    const cel = selector.at('cel');
    if (cel.isAbsent) cel.needed();
    else expressionRules(cel.at('expression'));
  }
}

function expressionRules(expression: Checked): void {
  expression.bytesAtMost(expressionBytesMax);
  const error = deviceSelectorError(expression.text);
  if (error !== undefined) expression.invalid(error);
}

/** What a driver is told about the devices, in words of its own. */
export function configurationRules(configuration: Checked): void {
  const opaque = configuration.at('opaque');
  if (opaque.isAbsent) {
    opaque.needed();
    return;
  }
  driverNameRules(opaque.at('driver'));
  const parameters = opaque.at('parameters');
  if (parameters.isAbsent) parameters.needed();
  else if (!isObject(parameters.value as Json)) {
    parameters.add(invalid(parameters.path, '<value omitted>', 'must be a valid JSON object'));
  } else if (encodeText(JSON.stringify(parameters.value)).length > parametersBytesMax) {
    parameters.bytesAtMost(parametersBytesMax);
  }
}

/** A repetition is told at the item, although only its name is compared. */
export function uniqueNames(list: Checked): void {
  const seen = new Set<string>();
  for (const item of list.items()) {
    const { text } = item.at('name');
    if (seen.has(text)) item.add(duplicate(item.path, text));
    seen.add(text);
  }
}

const effects = ['NoExecute', 'NoSchedule', 'None'];

export function deviceTolerationRules(toleration: Checked): void {
  toleration.at('key').optionalLike(qualifiedName);
  const operator = toleration.at('operator');
  const value = toleration.at('value');
  if (operator.text === 'Exists') {
    if (!value.isEmpty) value.invalid('must be empty for operator `Exists`');
  } else if (operator.text === 'Equal') value.like(labelValue);
  else if (operator.needed()) operator.oneOf('Equal', 'Exists');
  if (!toleration.at('effect').isEmpty) toleration.at('effect').oneOf(...effects);
}

export function deviceTaintRules(taint: Checked): void {
  taint.at('key').like(qualifiedName);
  taint.at('value').like(labelValue);
  taint.at('effect').neededOneOf(...effects);
}
