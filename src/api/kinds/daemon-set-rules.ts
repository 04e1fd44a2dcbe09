import { notSupported, required } from '../field-error.ts';
import { goView } from '../schema/go-view.ts';
import { type LabelSelector, matcherOf } from '../selector.ts';
import { type Checked, portionOf, rulesOf } from './checks.ts';
import { partOf } from './defaulting.ts';
import {
  alwaysRestarts,
  isEmptySelector,
  labelsMatch,
  notDecremented,
  notNegativeEach,
  readOnlyDisks,
  templateRules,
} from './workload-rules.ts';

export const daemonSetRules = rulesOf(validateSet, validateStatus);

function validateSet(root: Checked, previous: Checked | undefined): void {
  const spec = root.at('spec');
  const selector = spec.at('selector');
  const template = spec.at('template');
  if (previous) selector.same(previous.at('spec').part.selector);
  const before = selector.errors.length;
  selector.selector();
  // A daemon set without a selector matches nothing, which its template's labels then show.
  const broken = selector.errors.length > before;
  if (!broken) labelsMatch(template, matcherOf(selector.isAbsent ? undefined : (selector.part as LabelSelector)));
  if (!selector.isAbsent && isEmptySelector(selector.part)) {
    selector.invalid('empty selector is invalid for daemonset');
  }
  template.add(...templateRules(template.part, template.path));
  const volumes = previous && partOf(partOf(previous.at('spec').part.template).spec).volumes;
  readOnlyDisks(template.at('spec').at('volumes'), volumes);
  alwaysRestarts(template, 'DaemonSet');
  notNegativeEach(spec, 'minReadySeconds', 'revisionHistoryLimit');
  validateStrategy(spec.at('updateStrategy'));
}

function validateStrategy(strategy: Checked): void {
  const type = strategy.at('type').text;
  if (type === 'OnDelete') return;
  if (type !== 'RollingUpdate') {
    const shown = goView('apps.v1.DaemonSetUpdateStrategy', strategy.value);
    strategy.add(notSupported(strategy.path, shown, ['RollingUpdate', 'OnDelete']));
    return;
  }
  const rolling = strategy.at('rollingUpdate');
  const unavailable = rolling.at('maxUnavailable');
  const surge = rolling.at('maxSurge');
  for (const portion of [unavailable, surge]) portion.portion();
  for (const portion of [unavailable, surge]) portion.atMostHundred();
  // A pod is replaced either before or after the new one starts, so exactly one of the two is more than nothing.
  const given = [unavailable, surge].filter(({ value }) => portionOf(value) !== 0).length;
  if (given === 0) unavailable.add(required(unavailable.path, 'cannot be 0 when maxSurge is 0'));
  if (given === 2) surge.invalid('may not be set when maxUnavailable is non-zero');
}

function validateStatus(root: Checked, previous: Checked | undefined): void {
  const status = root.at('status');
  notNegativeEach(status, 'currentNumberScheduled', 'numberMisscheduled', 'desiredNumberScheduled', 'numberReady');
  notNegativeEach(status, 'observedGeneration', 'updatedNumberScheduled', 'numberAvailable', 'numberUnavailable');
  status.at('collisionCount').notNegative();
  notDecremented(status, previous);
}
