import { dnsLabel, labelValue, qualifiedName } from '../names.ts';
import { goView } from '../schema/go-view.ts';
import type { Checked } from './checks.ts';
import { mapOf, partsOf, textOf, textsOf } from './defaulting.ts';
import { taintEffects } from './node-rules.ts';
import { validateNodeSelector, validateNodeTerm } from './node-selection-rules.ts';

const must = 'requiredDuringSchedulingIgnoredDuringExecution';
const should = 'preferredDuringSchedulingIgnoredDuringExecution';

export function validateAffinity(affinity: Checked): void {
  const node = affinity.at('nodeAffinity');
  if (!node.at(must).isAbsent) validateNodeSelector(node.at(must));
  for (const preferred of node.at(should).items()) {
    validateWeight(preferred.at('weight'));
    validateNodeTerm(preferred.at('preference'), false);
  }
  for (const side of ['podAffinity', 'podAntiAffinity']) {
    for (const term of affinity.at(side).at(must).items()) validatePodTerm(term);
    for (const preferred of affinity.at(side).at(should).items()) {
      validateWeight(preferred.at('weight'));
      validatePodTerm(preferred.at('podAffinityTerm'));
    }
  }
}

function validateWeight(weight: Checked): void {
  if (weight.number < 1 || weight.number > 100) weight.invalidAs(weight.number, 'must be in the range 1-100');
}

/** Near to, or away from, which pods. */
function validatePodTerm(term: Checked): void {
  term.at('labelSelector').selector();
  term.at('namespaceSelector').selector();
  const namespaces = textsOf(term.part.namespaces);
  for (const name of namespaces) for (const sentence of dnsLabel(name)) term.at('namespace').invalidAs(name, sentence);
  for (const field of ['matchLabelKeys', 'mismatchLabelKeys']) {
    const keys = term.at(field);
    if (keys.isEmpty) continue;
    if (term.at('labelSelector').isAbsent) keys.forbidden('must not be specified when labelSelector is not set');
    else for (const key of keys.items()) key.like(qualifiedName);
  }
  keysNamedOnce(term);
  const others = textsOf(term.part.mismatchLabelKeys);
  for (const key of term.at('matchLabelKeys').items()) {
    if (others.includes(key.text)) key.invalid('exists in both matchLabelKeys and mismatchLabelKeys');
  }
  const topology = term.at('topologyKey');
  topology.needed('can not be empty');
  topology.like(qualifiedName);
}

const actions = ['DoNotSchedule', 'ScheduleAnyway'];

/** How evenly pods are spread. `labels`: what the pod's own keys have been merged into its selectors as. */
export function validateSpread(constraints: Checked, labels: Readonly<Record<string, string>> | undefined): void {
  const all = constraints.items();
  const lasts = new Map<string, number>();
  for (const [index, constraint] of all.entries()) lasts.set(pairOf(constraint), index);
  for (const [index, constraint] of all.entries()) {
    const skew = constraint.at('maxSkew');
    if (skew.number <= 0) skew.invalidAs(skew.number, 'must be greater than zero');
    constraint.at('topologyKey').needed('can not be empty');
    const action = constraint.at('whenUnsatisfiable');
    action.oneOf(...actions);
    const pair = pairOf(constraint);
    if (lasts.get(pair) !== index) constraint.at('{topologyKey, whenUnsatisfiable}').duplicate(pair);
    validateDomains(constraint.at('minDomains'), action.text);
    for (const field of ['nodeAffinityPolicy', 'nodeTaintsPolicy']) {
      constraint.at(field).optionalOneOf('Honor', 'Ignore');
    }
    validateSpreadKeys(constraint, labels);
    constraint.at('labelSelector').selector();
  }
}

/** No two may have the same. */
const pairOf = ({ part }: Checked): string => `{${textOf(part.topologyKey)}, ${textOf(part.whenUnsatisfiable)}}`;

function validateDomains(domains: Checked, action: string): void {
  domains.atLeast(1, 'must be greater than zero');
  if (domains.isAbsent || action === 'DoNotSchedule') return;
  domains.invalid(`can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${action}`);
}

/** The selector has got a demand for each of the pod's own labels by now: another one is too much. */
function keysNamedOnce(term: Checked): void {
  const { matchLabels, matchExpressions } = term.at('labelSelector').part;
  const keys = textsOf(term.part.matchLabelKeys);
  const seen = new Set(Object.keys(mapOf(matchLabels)));
  for (const expression of partsOf(matchExpressions)) {
    const key = textOf(expression.key);
    const index = keys.lastIndexOf(key);
    if (index >= 0 && seen.has(key)) {
      term.toldAt(`${term.path}[${index}]`).invalidAs(key, 'exists in both matchLabelKeys and labelSelector');
    }
    seen.add(key);
  }
}

function validateSpreadKeys(constraint: Checked, labels: Readonly<Record<string, string>> | undefined): void {
  const keys = constraint.at('matchLabelKeys');
  if (keys.isEmpty) return;
  const selector = constraint.at('labelSelector');
  if (selector.isAbsent) {
    keys.forbidden('must not be specified when labelSelector is not set');
    return;
  }
  const expressions = partsOf(selector.part.matchExpressions).filter(({ key, operator, values }) => {
    const merged = operator === 'In' && textsOf(values).length === 1 && labels?.[textOf(key)] === textsOf(values)[0];
    return !merged;
  });
  const named = new Set([...Object.keys(mapOf(selector.part.matchLabels)), ...expressions.map(({ key }) => key)]);
  for (const key of keys.items()) {
    key.like(qualifiedName);
    if (named.has(key.text)) key.invalid('exists in both matchLabelKeys and labelSelector');
  }
}

export function validateTolerations(tolerations: Checked): void {
  for (const toleration of tolerations.items()) {
    const { tolerationSeconds } = toleration.part;
    const [key, operator, effect] = [toleration.at('key'), toleration.at('operator'), toleration.at('effect')];
    key.optionalLike(qualifiedName);
    if (key.isEmpty && operator.text !== 'Exists') {
      operator.invalid('operator must be Exists when `key` is empty, which means "match all values and all keys"');
    }
    if (tolerationSeconds !== undefined && effect.text !== 'NoExecute') {
      effect.invalid("effect must be 'NoExecute' when `tolerationSeconds` is set");
    }
    const value = toleration.at('value').text;
    if (operator.text === 'Equal' || operator.text === '') {
      const sentences = labelValue(value);
      if (sentences.length > 0) operator.invalidAs(value, sentences.join(';'));
    } else if (operator.text === 'Exists') {
      if (value !== '')
        operator.invalidAs(
          goView('core.v1.Toleration', toleration.value),
          "value must be empty when `operator` is 'Exists'",
        );
    } else operator.oneOf('Equal', 'Exists');
    if (!effect.isEmpty) effect.oneOf(...taintEffects);
  }
}
