import { CelError } from '../cel-error.ts';
import type { Functions } from '../environment.ts';
import * as types from '../type.ts';
import { Opaque, type Result } from '../value.ts';
import { byTraversal, method, plain } from './declare.ts';

export const semverType = { kind: 'opaque', name: 'kubernetes.Semver' } as const;
const { string, bool, int } = types;

class Semver extends Opaque {
  readonly typeName = semverType.name;
  readonly numbers: readonly bigint[];
  readonly before: readonly string[];
  constructor(numbers: readonly bigint[], before: readonly string[]) {
    super();
    this.numbers = numbers;
    this.before = before;
  }
  equals(other: Opaque): boolean {
    return compare(this, other as Semver) === 0;
  }
}

const identifiers = '[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*';
const form = new RegExp(`^(0|[1-9]\\d*)\\.(0|[1-9]\\d*)\\.(0|[1-9]\\d*)(?:-(${identifiers}))?(?:\\+${identifiers})?$`);

function parse(text: string, isLoose = false): Semver | undefined {
  const match = form.exec(isLoose ? normalized(text) : text);
  if (!match) return undefined;
  const before = match[4]?.split('.') ?? [];
  if (before.some((part) => /^0\d+$/.test(part))) return undefined;
  return new Semver(
    [match[1], match[2], match[3]].map((part) => BigInt(part as string)),
    before,
  );
}

/** `v1.02` as 1.2.0: without the v, without zeros in front, with all three numbers. */
function normalized(text: string): string {
  const trimmed = text.trim().replace(/^v/, '');
  const end = trimmed.search(/[-+]/);
  const core = end < 0 ? trimmed : trimmed.slice(0, end);
  const numbers = core.split('.').map((part) => part.replace(/^0+(?=\d)/, ''));
  while (numbers.length < 3) numbers.push('0');
  return numbers.join('.') + (end < 0 ? '' : trimmed.slice(end));
}

function compare(a: Semver, b: Semver): number {
  for (const [index, number] of a.numbers.entries()) {
    const other = b.numbers[index] as bigint;
    if (number !== other) return number < other ? -1 : 1;
  }
  if (a.before.length === 0 || b.before.length === 0) return Math.sign(b.before.length - a.before.length);
  for (let index = 0; index < Math.max(a.before.length, b.before.length); index++) {
    const order = comparePart(a.before[index], b.before[index]);
    if (order !== 0) return order;
  }
  return 0;
}

function comparePart(a: string | undefined, b: string | undefined): number {
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? -1 : 1;
  const [numberA, numberB] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (numberA && numberB) return Math.sign(Number(BigInt(a) - BigInt(b)));
  if (numberA !== numberB) return numberA ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}

const toSemver = (text: string, isLoose = false): Result =>
  parse(text, isLoose) ?? new CelError(`Invalid character(s) found in version ${JSON.stringify(text)}`);
const isSemver = (text: string, isLoose = false): boolean => parse(text, isLoose) !== undefined;
const number = (index: number) => (version: Semver) => version.numbers[index] as bigint;
const both = [semverType, semverType];

export const versions: Functions = {
  semver: [
    plain('string_to_semver', [string], semverType, [toSemver, byTraversal()]),
    plain('string_bool_to_semver', [string, bool], semverType, [toSemver, byTraversal()]),
  ],
  isSemver: [
    plain('is_semver_string', [string], bool, [isSemver, byTraversal()]),
    plain('is_semver_string_bool', [string, bool], bool, [isSemver, byTraversal()]),
  ],
  major: [method('semver_major', [semverType], int, number(0))],
  minor: [method('semver_minor', [semverType], int, number(1))],
  patch: [method('semver_patch', [semverType], int, number(2))],
  isLessThan: [method('semver_is_less_than', both, bool, (a: Semver, b: Semver) => compare(a, b) < 0)],
  isGreaterThan: [method('semver_is_greater_than', both, bool, (a: Semver, b: Semver) => compare(a, b) > 0)],
  compareTo: [method('semver_compare_to', both, int, (a: Semver, b: Semver) => BigInt(compare(a, b)))],
};
