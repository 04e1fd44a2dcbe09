import { required } from '../field-error.ts';
import { dnsLabel, pathSegment, qualifiedName } from '../names.ts';
import { parseQuantity } from '../quantity.ts';
import { type Checked, rulesOf } from './checks.ts';
import { partsOf } from './defaulting.ts';
import { notNegativeEach } from './workload-rules.ts';

export const horizontalPodAutoscalerRules = rulesOf(validateScaler, (root) =>
  notNegativeEach(root.at('status'), 'currentReplicas', 'desiredReplicas'),
);

function validateScaler(root: Checked, previous: Checked | undefined): void {
  const spec = root.at('spec');
  const least = spec.at('minReplicas');
  const most = spec.at('maxReplicas');
  least.atLeast(1, 'must be greater than or equal to 1');
  if (most.number === 0) most.add(required(most.path, 'must be set and greater than 0'));
  else most.atLeast(1, 'must be greater than or equal to 1');
  if (!least.isAbsent && most.number < least.number) {
    most.invalid('must be greater than or equal to `minReplicas`');
  }
  referenceRules(spec.at('scaleTargetRef'));
  versionRules(spec.at('scaleTargetRef'), previous?.at('spec').at('scaleTargetRef').at('apiVersion').text);
  for (const metric of spec.at('metrics').items()) metricRules(metric);
  if (least.value === 0) scaleToZeroRules(spec);
  const behavior = spec.at('behavior');
  for (const direction of ['scaleUp', 'scaleDown']) scalingRules(behavior.at(direction));
}

function referenceRules(reference: Checked): void {
  for (const field of ['kind', 'name']) {
    if (reference.at(field).needed()) reference.at(field).like(pathSegment);
  }
}

/** Only kinds of a group can be scaled, besides the one that was there before there were groups. */
function versionRules(reference: Checked, before: string | undefined): void {
  const version = reference.at('apiVersion');
  if (version.text === before) return;
  const parts = version.text.split('/');
  if (parts.length > 2) version.invalid(`unexpected GroupVersion string: ${version.text}`);
  else if (parts.length < 2 || parts[0] === '') {
    const old = version.text === 'v1' && reference.at('kind').text === 'ReplicationController';
    if (!old) version.invalid('apiVersion must specify API group');
  }
}

function scaleToZeroRules(spec: Checked): void {
  const woken = partsOf(spec.part.metrics).some(({ type }) => type === 'Object' || type === 'External');
  if (woken) return;
  spec
    .at('metrics')
    .forbidden('must specify at least one Object or External metric to support scaling to zero replicas');
}

const windowSecondsMax = 3600;
const periodSecondsMax = 1800;

function scalingRules(rules: Checked): void {
  if (rules.isAbsent) return;
  const window = rules.at('stabilizationWindowSeconds');
  window.atLeast(0, 'must be greater than or equal to zero');
  if (window.number > windowSecondsMax) window.invalid(`must be less than or equal to ${windowSecondsMax}`);
  rules.at('selectPolicy').optionalOneOf('Disabled', 'Max', 'Min');
  const policies = rules.at('policies');
  if (policies.isEmpty) policies.add(required(policies.path, 'must specify at least one Policy'));
  for (const policy of policies.items()) {
    policy.at('type').oneOf('Percent', 'Pods');
    const period = policy.at('periodSeconds');
    for (const amount of [policy.at('value'), period]) {
      if (amount.number <= 0) amount.invalid('must be greater than zero');
    }
    if (period.number > periodSecondsMax) period.invalid(`must be less than or equal to ${periodSecondsMax}`);
  }
  const tolerance = rules.at('tolerance');
  if (!tolerance.isAbsent && sign(tolerance) < 0) tolerance.invalid('must be greater than or equal to 0');
}

const sign = (amount: Checked): number => {
  const { nanos } = parseQuantity(amount.text);
  return nanos > 0n ? 1 : nanos < 0n ? -1 : 0;
};

const types = ['ContainerResource', 'External', 'Object', 'Pods', 'Resource'] as const;
type SourceRules = (source: Checked) => void;
const fields: Readonly<Record<string, string>> = {
  Object: 'object',
  External: 'external',
  Pods: 'pods',
  Resource: 'resource',
  ContainerResource: 'containerResource',
};
const sourceRules: readonly (readonly [field: string, rules: SourceRules])[] = [
  ['object', objectRules],
  ['external', externalRules],
  ['pods', podsRules],
  ['resource', resourceRules],
  ['containerResource', containerResourceRules],
];

function metricRules(metric: Checked): void {
  const type = metric.at('type');
  type.needed('must specify a metric source type');
  type.oneOf(...types);
  const present = sourceRules.filter(([field]) => !metric.at(field).isAbsent);
  // One source is judged for what it is; of several only that they are too many.
  const [first] = present;
  if (first) first[1](metric.at(first[0]));
  const expected = fields[type.text];
  if (expected !== undefined && metric.at(expected).isAbsent) {
    metric.at(expected).needed('must populate information for the given metric source');
  }
  if (present.length === 1) return;
  for (const [field] of present) {
    if (field !== expected) metric.at(field).forbidden('must populate the given metric source only');
  }
}

function objectRules(source: Checked): void {
  referenceRules(source.at('describedObject'));
  identifierRules(source.at('metric'));
  const target = source.at('target');
  targetRules(target);
  oneAmount(target, 'averageValue', 'value', 'must set either a target value or averageValue');
}

function externalRules(source: Checked): void {
  identifierRules(source.at('metric'));
  const target = source.at('target');
  targetRules(target);
  oneAmount(target, 'averageValue', 'value', 'must set either a target value for metric or a per-pod target');
  if (!target.at('value').isAbsent && !target.at('averageValue').isAbsent) {
    target.at('value').forbidden('may not set both a target value for metric and a per-pod target');
  }
}

function podsRules(source: Checked): void {
  identifierRules(source.at('metric'));
  targetRules(source.at('target'));
  const average = source.at('target').at('averageValue');
  if (average.isAbsent || sign(average) !== 1) {
    average.add(required(average.path, 'must specify a positive target averageValue'));
  }
}

function containerResourceRules(source: Checked): void {
  const name = source.at('name');
  if (name.needed('must specify a resource name')) containerResourceName(name);
  const container = source.at('container');
  if (container.needed('must specify a container')) container.like(dnsLabel);
  resourceTargetRules(source.at('target'));
}

function resourceRules(source: Checked): void {
  source.at('name').needed('must specify a resource name');
  resourceTargetRules(source.at('target'));
}

function resourceTargetRules(target: Checked): void {
  targetRules(target);
  oneAmount(target, 'averageUtilization', 'averageValue', 'must set either a target raw value or a target utilization');
  if (!target.at('averageUtilization').isAbsent && !target.at('averageValue').isAbsent) {
    target.at('averageValue').forbidden('may not set both a target raw value and a target utilization');
  }
}

const containerResources = ['cpu', 'memory', 'ephemeral-storage'];

function containerResourceName(name: Checked): void {
  name.like(qualifiedName);
  if (name.text.includes('/') || containerResources.includes(name.text) || name.text.startsWith('hugepages-')) return;
  name.invalid('must be a standard resource type or fully qualified');
  name.invalid('must be a standard resource for containers');
}

function oneAmount(target: Checked, told: string, other: string, sentence: string): void {
  if (!target.at(told).isAbsent || !target.at(other).isAbsent) return;
  target.at(told).needed(sentence);
}

function identifierRules(metric: Checked): void {
  const name = metric.at('name');
  if (name.needed('must specify a metric name')) name.like(pathSegment);
}

function targetRules(target: Checked): void {
  const type = target.at('type');
  type.needed('must specify a metric target type');
  if (!['Utilization', 'Value', 'AverageValue'].includes(type.text)) {
    type.invalid('must be either Utilization, Value, or AverageValue');
  }
  for (const field of ['value', 'averageValue']) {
    const amount = target.at(field);
    if (!amount.isAbsent && sign(amount) !== 1) amount.invalid('must be positive');
  }
  target.at('averageUtilization').atLeast(1, 'must be greater than 0');
}
