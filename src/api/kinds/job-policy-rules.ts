import { duplicate, type FieldError, required } from '../field-error.ts';
import { qualifiedName } from '../names.ts';
import type { Checked } from './checks.ts';
import { partsOf, textOf } from './defaulting.ts';

const policyRulesMax = 20;
const conditionsMax = 20;
const exitCodesMax = 255;
const indexesBytesMax = 64 * 1024;

/** When the failure of a pod means the failure of its job, of its index, or nothing. */
export function failurePolicyRules(spec: Checked): void {
  const policy = spec.at('podFailurePolicy');
  if (policy.isAbsent) return;
  const { containers, initContainers } = spec.at('template').at('spec').part;
  const names = [...partsOf(containers), ...partsOf(initContainers)].map(({ name }) => textOf(name));
  policy.at('rules').itemsAtMost(policyRulesMax);
  for (const rule of policy.at('rules').items()) failureRule(rule, names, spec.at('backoffLimitPerIndex').isAbsent);
}

const actions = ['Count', 'FailIndex', 'FailJob', 'Ignore'];
/** A list of words as Go prints it. */
const goWords = (words: readonly string[]): string => `[${words.map((word) => JSON.stringify(word)).join(' ')}]`;

function failureRule(rule: Checked, names: readonly string[], withoutIndexes: boolean): void {
  const action = rule.at('action');
  if (action.text === 'FailIndex') {
    if (withoutIndexes) action.invalid('requires the backoffLimitPerIndex to be set');
  } else if (action.needed(`valid values: ${goWords(actions)}`)) action.oneOf(...actions);
  const codes = rule.at('onExitCodes');
  const conditions = rule.at('onPodConditions');
  if (!codes.isAbsent) exitCodeRules(codes, names);
  conditions.itemsAtMost(conditionsMax);
  for (const condition of conditions.items()) {
    condition.at('type').like(qualifiedName);
    const words = ['False', 'True', 'Unknown'];
    if (condition.at('status').needed(`valid values: ${goWords(words)}`)) condition.at('status').oneOf(...words);
  }
  if (!codes.isAbsent && !conditions.isEmpty) {
    rule.add(bare(rule.path, 'specifying both OnExitCodes and OnPodConditions is not supported'));
  } else if (codes.isAbsent && conditions.isEmpty) {
    rule.add(bare(rule.path, 'specifying one of OnExitCodes and OnPodConditions is required'));
  }
}

/** An error about a value that is not worth repeating. */
const bare = (path: string, sentence: string): FieldError => ({
  path,
  type: 'Invalid',
  text: `Invalid value: ${sentence}`,
});

function exitCodeRules(codes: Checked, names: readonly string[]): void {
  const operator = codes.at('operator');
  if (operator.needed(`valid values: ${goWords(['In', 'NotIn'])}`)) operator.oneOf('In', 'NotIn');
  const container = codes.at('containerName');
  if (!container.isAbsent && !names.includes(container.text)) {
    container.invalid('must be one of the container or initContainer names in the pod template');
  }
  const values = codes.at('values');
  if (values.isEmpty) {
    values.invalid('at least one value is required');
    return;
  }
  values.itemsAtMost(exitCodesMax);
  const seen = new Set<number>();
  let last = Number.NEGATIVE_INFINITY;
  let ordered = true;
  for (const value of values.items()) {
    if (operator.text === 'In' && value.number === 0) value.invalid('must not be 0 for the In operator');
    if (seen.has(value.number)) value.add(duplicate(value.path, value.number));
    ordered &&= last <= value.number;
    last = value.number;
    seen.add(last);
  }
  if (!ordered) values.invalid('must be ordered');
}

/** Which indexes must have succeeded for the job to have succeeded. */
export function successPolicyRules(spec: Checked): void {
  const rules = spec.at('successPolicy').at('rules');
  if (rules.isEmpty) {
    rules.add(required(rules.path, 'at least one rules must be specified when the successPolicy is specified'));
  }
  rules.itemsAtMost(policyRulesMax);
  for (const rule of rules.items()) successRule(rule, spec.at('completions').number);
}

function successRule(rule: Checked, completions: number): void {
  const indexes = rule.at('succeededIndexes');
  const count = rule.at('succeededCount');
  if (indexes.isAbsent && count.isAbsent) {
    rule.add(required(rule.path, 'at least one of succeededCount or succeededIndexes must be specified'));
  }
  let total = 0;
  if (!indexes.isAbsent) {
    indexes.bytesAtMost(indexesBytesMax);
    const counted = countIndexes(indexes.text, completions);
    if (typeof counted === 'number') total = counted;
    else indexes.invalid(`error parsing succeededIndexes: ${counted}`);
  }
  if (count.isAbsent) return;
  count.notNegative();
  if (count.number > completions) {
    count.invalid(`must be less than or equal to ${completions} (the number of specified completions)`);
  }
  if (!indexes.isAbsent && count.number > total) {
    const sentence = `must be less than or equal to ${total} (the number of indexes in the specified succeededIndexes field)`;
    count.invalid(sentence);
  }
}

export type Interval = readonly [first: number, last: number];

/** How many indexes a text like `0,2-5` names, or what is wrong with it. */
export function countIndexes(text: string, completions: number): number | string {
  if (text === '') return 0;
  let total = 0;
  let last: number | undefined;
  for (const part of text.split(',')) {
    const interval = intervalOf(part, completions);
    if (typeof interval === 'string') return interval;
    const [from, to] = interval;
    if (last !== undefined && last >= from) return disorder(last, from);
    total += to - from + 1;
    last = to;
  }
  return total;
}

/** The first and the last index of `2-5`, or what is wrong with it. */
export function intervalOf(text: string, completions: number): Interval | string {
  const limits = text.split('-');
  if (limits.length > 2) {
    return `the fragment ${JSON.stringify(text)} violates the requirement that an index interval can have at most two parts separated by '-'`;
  }
  for (const limit of limits) {
    if (!/^[+-]?[0-9]+$/.test(limit)) return `cannot convert string to integer for index: ${JSON.stringify(limit)}`;
    if (Number(limit) >= completions) return `too large index: ${JSON.stringify(limit)}`;
  }
  const [from = 0, to = from] = limits.map(Number);
  return limits.length > 1 && from >= to ? disorder(from, to) : [from, to];
}

const disorder = (previous: number, current: number): string =>
  `non-increasing order, previous: ${previous}, current: ${current}`;
