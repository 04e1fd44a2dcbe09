import { invalid, notSupported, required } from '../field-error.ts';
import { dnsLabel, qualifiedName } from '../names.ts';
import { goView } from '../schema/go-view.ts';
import { type LabelSelector, matcherOf } from '../selector.ts';
import { type Checked, rulesOf } from './checks.ts';
import { mapOf, type Part, partOf, textOf } from './defaulting.ts';
import { failurePolicyRules, successPolicyRules } from './job-policy-rules.ts';
import { jobStatusRules } from './job-status-rules.ts';
import { templateChangeRules } from './job-template-rules.ts';
import { labelsMatch, notNegativeEach, templateRules } from './workload-rules.ts';

export const jobRules = rulesOf(validateJob, jobStatusRules);

function validateJob(root: Checked, previous: Checked | undefined): void {
  const spec = root.at('spec');
  const before = previous?.at('spec').part;
  generatedSelector(root, before);
  jobSpecRules(spec);
  const selector = spec.at('selector');
  if (selector.needed()) selector.selector();
  const broken = selector.errors.some(({ path }) => path.startsWith('spec.selector.'));
  if (!broken)
    labelsMatch(spec.at('template'), matcherOf(selector.isAbsent ? undefined : (selector.part as LabelSelector)));
  indexedHostname(root);
  if (previous && before) changeRules(spec, previous, before);
}

function changeRules(spec: Checked, previous: Checked, before: Part): void {
  spec.at('selector').same(before.selector);
  completionsChange(spec, before);
  templateChangeRules(spec, previous);
  for (const field of ['completionMode', 'backoffLimitPerIndex', 'managedBy']) spec.at(field).same(before[field]);
  spec.at('podFailurePolicy').sameStructure(before.podFailurePolicy, 'batch.v1.PodFailurePolicy');
  spec.at('successPolicy').sameStructure(before.successPolicy, successPolicyType);
}

/** An indexed job may grow and shrink as long as all of its pods run at once. */
function completionsChange(spec: Checked, before: Part): void {
  const completions = spec.at('completions');
  if (spec.at('completionMode').text !== 'Indexed') {
    completions.same(before.completions);
    return;
  }
  if (completions.value === before.completions) return;
  if (completions.isAbsent || before.completions === undefined) completions.invalid('field is immutable');
  else if (completions.value !== spec.part.parallelism) {
    completions.invalid('can only be modified in tandem with spec.parallelism');
  }
}

const successPolicyType = 'batch.v1.SuccessPolicy';

const names = ['controller-uid', 'job-name', 'batch.kubernetes.io/controller-uid', 'batch.kubernetes.io/job-name'];
const isPrefixed = (name: string): boolean => name.includes('/');

/** A selector that the server made must find the pods that the server labelled. */
function generatedSelector(root: Checked, before: Part | undefined): void {
  const spec = root.at('spec');
  if (spec.part.manualSelector === true || spec.at('selector').isAbsent) return;
  const { uid, name } = partOf(root.part.metadata);
  const labels = mapOf(partOf(partOf(spec.part.template).metadata).labels);
  const old = mapOf(partOf(partOf(before?.template).metadata).labels);
  // Jobs from before the labels had prefixes go on without them.
  const prefixed = !before || names.filter(isPrefixed).every((key) => key in old);
  const expected: Record<string, string> = {};
  for (const key of names) {
    if (isPrefixed(key) && !prefixed) continue;
    const value = textOf(key.endsWith('uid') ? uid : name);
    expected[key] = value;
    const path = `spec.template.metadata.labels[${key}]`;
    if (labels[key] === undefined) spec.add(required(path, `must be '${value}'`));
    else if (labels[key] !== value) spec.add(invalid(path, labels[key], `must be '${value}'`));
  }
  const matches = matcherOf(spec.at('selector').part as LabelSelector);
  if (!matches(expected)) spec.at('selector').invalid('`selector` not auto-generated');
}

/** The pods of an indexed job are named by their index, and their names are hostnames. */
function indexedHostname(root: Checked): void {
  const { completionMode, completions } = root.at('spec').part;
  if (completionMode !== 'Indexed' || typeof completions !== 'number' || completions <= 0) return;
  const name = root.at('metadata').at('name');
  const last = `${name.text}-${completions - 1}`;
  if (dnsLabel(last).length > 0) name.invalid(`will not able to create pod with invalid DNS label: ${last}`);
}

const counts = ['parallelism', 'completions', 'activeDeadlineSeconds', 'backoffLimit', 'ttlSecondsAfterFinished'];
const managerBytesMax = 63;

/** What holds for a job's spec, in a job or in a cron job's template. */
export function jobSpecRules(spec: Checked): void {
  notNegativeEach(spec, ...counts, 'backoffLimitPerIndex', 'maxFailedIndexes');
  if (!spec.at('maxFailedIndexes').isAbsent) {
    if (spec.at('backoffLimitPerIndex').isAbsent) {
      spec.at('backoffLimitPerIndex').needed('when maxFailedIndexes is specified');
    }
  }
  managerRules(spec.at('managedBy'));
  modeRules(spec);
  failurePolicyRules(spec);
  if (!spec.at('successPolicy').isAbsent) {
    if (spec.part.completionMode === 'Indexed') successPolicyRules(spec);
    else {
      const shown = goView(successPolicyType, spec.part.successPolicy);
      spec.at('successPolicy').invalidAs(shown, 'requires indexed completion mode');
    }
  }
  replacementRules(spec);
  const template = spec.at('template');
  template.add(...templateRules(template.part, template.path));
  restartRules(spec);
}

function managerRules(manager: Checked): void {
  if (manager.isAbsent) return;
  const slash = manager.text.indexOf('/');
  if (slash <= 0 || slash === manager.text.length - 1) {
    if (manager.text === '') manager.needed();
    else manager.invalid('must be a domain-prefixed path (such as "acme.io/foo")');
  } else manager.like(qualifiedName);
  manager.bytesAtMost(managerBytesMax);
}

const indexesMax = 100_000;
const failedIndexesMax = 10_000;

function modeRules(spec: Checked): void {
  const mode = spec.at('completionMode');
  mode.optionalOneOf('NonIndexed', 'Indexed');
  if (mode.text === 'Indexed') indexedRules(spec);
  else if (mode.isAbsent || mode.text === 'NonIndexed') {
    for (const field of ['backoffLimitPerIndex', 'maxFailedIndexes']) {
      if (!spec.at(field).isAbsent) spec.at(field).invalid('requires indexed completion mode');
    }
  }
}

function indexedRules(spec: Checked): void {
  const completions = spec.at('completions');
  const parallelism = spec.at('parallelism');
  const failed = spec.at('maxFailedIndexes');
  if (completions.isAbsent) completions.needed('when completion mode is Indexed');
  if (parallelism.number > indexesMax) {
    parallelism.invalid(`must be less than or equal to ${indexesMax} when completion mode is Indexed`);
  }
  if (completions.isAbsent) return;
  if (failed.number > completions.number) failed.invalid('must be less than or equal to completions');
  if (failed.number > indexesMax) failed.invalid(`must be less than or equal to ${indexesMax}`);
  if (completions.number <= indexesMax || spec.at('backoffLimitPerIndex').isAbsent) return;
  if (failed.isAbsent) failed.needed(`must be specified when completions is above ${indexesMax}`);
  if (parallelism.number > failedIndexesMax) {
    const when = `when completions are above ${indexesMax} and used with backoff limit per index`;
    parallelism.invalid(`must be less than or equal to ${failedIndexesMax} ${when}`);
  }
  if (failed.number > failedIndexesMax) {
    const when = `when completions are above ${indexesMax} and used with backoff limit per index`;
    failed.invalid(`must be less than or equal to ${failedIndexesMax} ${when}`);
  }
}

function replacementRules(spec: Checked): void {
  const policy = spec.at('podReplacementPolicy');
  if (spec.at('podFailurePolicy').isAbsent) policy.optionalOneOf('Failed', 'TerminatingOrFailed');
  else policy.optionalOneOf('Failed');
}

/** Always is what a pod's restart policy becomes where nobody said one, so it counts as missing. */
function restartRules(spec: Checked): void {
  const policy = spec.at('template').at('spec').at('restartPolicy');
  const word = policy.text;
  if (word === 'Always' || word === '') policy.add(required(policy.path, 'valid values: "OnFailure", "Never"'));
  else if (word !== 'OnFailure' && word !== 'Never') {
    policy.add(notSupported(policy.path, word, ['OnFailure', 'Never']));
  } else if (word !== 'Never' && !spec.at('podFailurePolicy').isAbsent) {
    policy.invalid('only "Never" is supported when podFailurePolicy is specified');
  }
}
