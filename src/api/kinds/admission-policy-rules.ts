import { duplicate, invalid, notSupported, required } from '../field-error.ts';
import { dnsOldLabel, dnsSubdomain, qualifiedName } from '../names.ts';
import { compilePolicy } from '../policy/compile-policy.ts';
import { type Checked, rulesOf } from './checks.ts';
import { expressionRules } from './expression-rules.ts';
import {
  failurePolicyWords,
  matchConditionRules,
  matchResourcesRules,
  paramReferenceRules,
  policyNameRules,
  presentOneOf,
  reinvocationWords,
} from './match-rules.ts';
import { conditionRules } from './status-rules.ts';

export const validatingPolicyRules = rulesOf((root) => {
  const spec = root.at('spec');
  beginRules(spec);
  spec.add(...compilePolicy(spec.part).errors);
  matchConditionRules(spec.at('matchConditions'));
  for (const variable of spec.at('variables').items()) variableRules(variable);
  const validations = spec.at('validations');
  const annotations = spec.at('auditAnnotations');
  if (validations.isEmpty && annotations.isEmpty) {
    for (const list of [validations, annotations]) {
      list.needed('validations or auditAnnotations must contain at least one item');
    }
    return;
  }
  for (const validation of validations.items()) validationRules(validation);
  annotationListRules(annotations, root.at('metadata').at('name').text);
}, validatingStatusRules);

export const mutatingPolicyRules = rulesOf((root) => {
  const spec = root.at('spec');
  beginRules(spec);
  spec.add(...compilePolicy(spec.part).errors);
  mutableOperationRules(spec.at('matchConstraints').at('resourceRules'));
  matchConditionRules(spec.at('matchConditions'));
  for (const variable of spec.at('variables').items()) variableRules(variable);
  const mutations = spec.at('mutations');
  if (mutations.needed('mutations must contain at least one item')) {
    for (const mutation of mutations.items()) mutationRules(mutation);
  }
  presentOneOf(spec.at('reinvocationPolicy'), reinvocationWords);
});

export const validatingBindingRules = rulesOf((root) => {
  bindingRules(root.at('spec'));
  actionRules(root.at('spec').at('validationActions'));
});
export const mutatingBindingRules = rulesOf((root) => bindingRules(root.at('spec')));

function beginRules(spec: Checked): void {
  presentOneOf(spec.at('failurePolicy'), failurePolicyWords);
  const kind = spec.at('paramKind');
  if (!kind.isAbsent) paramKindRules(kind);
  const match = spec.at('matchConstraints');
  if (match.isAbsent) {
    match.add(required(match.path));
    return;
  }
  matchResourcesRules(match);
  // Only a rule says of which type the objects are that the expressions speak about.
  match.at('resourceRules').needed();
}

function paramKindRules(given: Checked): void {
  const version = given.at('apiVersion');
  if (version.needed()) groupVersionRules(version);
  const kind = given.at('kind');
  if (!kind.needed()) return;
  const sentences = dnsOldLabel(kind.text.toLowerCase());
  if (sentences.length > 0) {
    kind.invalid(`may have mixed case, but should otherwise match: ${sentences.join(',')}`);
  }
}

function groupVersionRules(at: Checked): void {
  const parts = at.text.split('/');
  if (parts.length > 2) {
    at.invalid(`unexpected GroupVersion string: ${at.text}`);
    return;
  }
  const version = parts.at(-1) ?? '';
  const group = parts.length === 2 ? (parts[0] ?? '') : '';
  const groupSentences = group === '' ? [] : dnsSubdomain(group);
  if (groupSentences.length > 0) at.add(invalid(at.path, group, groupSentences.join(',')));
  if (version === '') at.add(invalid(at.path, version, 'version must be specified'));
  else {
    const sentences = dnsOldLabel(version);
    if (sentences.length > 0) at.add(invalid(at.path, version, sentences.join(',')));
  }
}

const reservedWords: ReadonlySet<string> = new Set([
  ...['as', 'break', 'const', 'continue', 'else', 'false', 'for', 'function', 'if', 'import', 'in', 'let', 'loop'],
  ...['null', 'package', 'namespace', 'return', 'true', 'var', 'void', 'while'],
]);
function variableRules(variable: Checked): void {
  const name = variable.at('name');
  if (name.text.trim() === '') name.add(required(name.path, 'name is not specified'));
  else if (!/^[_a-zA-Z][_a-zA-Z0-9]*$/.test(name.text) || reservedWords.has(name.text)) {
    name.invalid('name is not a valid CEL identifier');
  }
  expressionRules(variable.at('expression'), 'expression is not specified');
}

const reasonWords = ['Forbidden', 'Invalid', 'RequestEntityTooLarge'];
function validationRules(validation: Checked): void {
  expressionRules(validation.at('expression'), 'expression is not specified');
  const said = validation.at('messageExpression');
  if (!said.isEmpty && said.text.trim() === '') said.invalid('must be non-empty if specified');
  else if (!said.isEmpty) expressionRules(said);
  const message = validation.at('message');
  if (!message.isEmpty && message.text.trim() === '') message.invalid('message must be non-empty if specified');
  else if (/[\n\r]/.test(message.text.trim())) message.invalid('message must not contain line breaks');
  else if (message.isEmpty && /[\n\r]/.test(validation.at('expression').text.trim())) {
    message.add(required(message.path, 'message must be specified if expression contains line breaks'));
  }
  const reason = validation.at('reason');
  if (!reason.isAbsent && !reasonWords.includes(reason.text)) {
    reason.add(notSupported(reason.path, reason.text, reasonWords));
  }
}

const annotationsMax = 20;
const valueExpressionBytesMax = 5 * 1024;
function annotationListRules(annotations: Checked, policy: string): void {
  const items = annotations.items();
  if (items.length > annotationsMax) annotations.invalid(`must not have more than ${annotationsMax} auditAnnotations`);
  const keys = new Set<string>();
  for (const annotation of items) {
    const key = annotation.at('key');
    const whole = `${policy}/${key.text}`;
    if (policy === '') key.invalid('requires metadata.name be non-empty');
    else for (const sentence of qualifiedName(whole)) key.invalidAs(whole, sentence);
    const value = annotation.at('valueExpression');
    if (value.text.trim().length > valueExpressionBytesMax) {
      value.add(required(value.path, `must not exceed ${valueExpressionBytesMax} bytes in length`));
    } else expressionRules(value, 'valueExpression is not specified');
    if (keys.has(key.text)) key.add(duplicate(key.path, key.text));
    keys.add(key.text);
  }
}

const mutableOperations = ['*', 'CONNECT', 'CREATE', 'UPDATE'];
/** What is deleted cannot be changed on its way. Upstream names the lists' field, not the item. */
function mutableOperationRules(rules: Checked): void {
  const path = `${rules.path}.operations`;
  for (const rule of rules.items()) {
    for (const { text } of rule.at('operations').items()) {
      if (!mutableOperations.includes(text)) rules.add(notSupported(path, text, mutableOperations));
    }
  }
}

function mutationRules(mutation: Checked): void {
  const type = mutation.at('patchType');
  if (!type.needed()) return;
  const forms = { ApplyConfiguration: mutation.at('applyConfiguration'), JSONPatch: mutation.at('jsonPatch') };
  if (!type.oneOf(...Object.keys(forms))) return;
  for (const [word, form] of Object.entries(forms)) {
    if (word === type.text) {
      if (form.isAbsent) form.add(required(form.path, `must be specified when patchType is ${word}`));
      else expressionRules(form.at('expression'));
    } else if (!form.isAbsent) {
      form.add(
        invalid(
          form.path,
          `{${form.path.slice(form.path.lastIndexOf('.') + 1)}}`,
          `must not be specified when patchType is ${type.text}`,
        ),
      );
    }
  }
}

function bindingRules(spec: Checked): void {
  policyNameRules(spec.at('policyName'));
  paramReferenceRules(spec.at('paramRef'));
  matchResourcesRules(spec.at('matchResources'));
}

const actionWords = ['Audit', 'Deny', 'Warn'];
function actionRules(actions: Checked): void {
  const seen = new Set<string>();
  for (const action of actions.items()) {
    if (!actionWords.includes(action.text)) action.add(notSupported(action.path, action.text, actionWords));
    if (seen.has(action.text)) action.add(duplicate(action.path, action.text));
    seen.add(action.text);
  }
  if (seen.has('Deny') && seen.has('Warn')) {
    const why = 'repeating the same validation failure information in the API response and headers serves no purpose';
    actions.invalid(`must not contain both Deny and Warn (${why})`);
  }
  actions.needed('at least one validation action is required');
}

function validatingStatusRules(root: Checked): void {
  const status = root.at('status');
  for (const warning of status.at('typeChecking').at('expressionWarnings').items()) {
    warning.at('warning').needed();
    const field = warning.at('fieldRef');
    if (field.text.trim() === '') field.add(required(field.path));
  }
  conditionRules(status.at('conditions'));
}
