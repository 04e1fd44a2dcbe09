import type { FieldError } from '../field-error.ts';
import { invalid, required } from '../field-error.ts';
import { dnsSubdomain, qualifiedName } from '../names.ts';
import { type Checked, rulesOf } from './checks.ts';

const wordMax = 128;
const messageMax = 1_024;
const seriesMin = 2;

/** What the core form of an event must be. Only an event that says its exact time is one of the newer kind. */
export const coreEventRules = rulesOf((root) => sharedRules(root, 'reportingComponent'));

/** What an event must be that was written in the newer group, in its core form. */
export const newerEventRules = rulesOf((root, previous) => {
  sharedRules(root, 'reportingController');
  if (previous) {
    if (JSON.stringify(root.at('series').value) !== JSON.stringify(previous.at('series').value)) {
      seriesRules(root.at('series'));
    }
    for (const key of ['involvedObject', 'related']) {
      root.at(key).sameStructure(previous.at(key).value, 'core.v1.ObjectReference');
    }
    for (const key of fixed) root.at(key).same(previous.at(key).value);
    const before = previous.at('reportingComponent').text;
    const controller = root.at('reportingComponent').text;
    if (controller !== before) root.add(invalid('reportingController', controller, 'field is immutable'));
    return;
  }
  newRules(root);
});

const fixed: readonly string[] = [
  ...['reason', 'message', 'source', 'firstTimestamp', 'lastTimestamp', 'count'],
  ...['type', 'eventTime', 'action', 'reportingInstance'],
];

const wrong = (at: Checked, detail: string): void => at.add(invalid(at.path, '', detail));

function sharedRules(root: Checked, reporter: string): void {
  const namespace = root.at('metadata').at('namespace').text;
  const about = root.at('involvedObject').at('namespace');
  const isExact = !root.at('eventTime').isEmpty;
  // An event that says its exact time may be about another namespace, but not about none outside of these.
  const homes = isExact ? ['default', 'kube-system'] : ['', 'default'];
  const fits = about.isEmpty ? homes.includes(namespace) : isExact || about.text === namespace;
  if (!fits) about.invalid('does not match event.namespace');
  if (isExact) exactRules(root, reporter);
  for (const sentence of dnsSubdomain(namespace)) root.add(invalid('namespace', namespace, sentence));
}

function exactRules(root: Checked, reporter: string): void {
  const controller = root.at('reportingComponent');
  const shown = (error: FieldError) => root.add({ ...error, path: reporter });
  if (controller.isEmpty) shown(required(reporter));
  for (const sentence of qualifiedName(controller.text)) shown(invalid(reporter, controller.text, sentence));
  for (const key of ['reportingInstance', 'action']) {
    const word = root.at(key);
    word.needed();
    if (word.text.length > wordMax) wrong(word, `can have at most ${wordMax} characters`);
  }
  const reason = root.at('reason');
  reason.needed();
  if (reason.text.length > wordMax) wrong(reason, `can have at most ${wordMax} characters`);
  const message = root.at('message');
  if (message.text.length > messageMax) wrong(message, `can have at most ${messageMax} characters`);
}

function newRules(root: Checked): void {
  const time = root.at('eventTime');
  if (time.isEmpty) time.needed();
  seriesRules(root.at('series'));
  const type = root.at('type');
  if (type.text !== 'Normal' && type.text !== 'Warning') wrong(type, `has invalid value: ${type.text}`);
  for (const key of ['firstTimestamp', 'lastTimestamp', 'count', 'source']) {
    const old = root.at(key);
    const isSet = key === 'source' ? Object.values(old.part).some((word) => word) : !old.isEmpty && old.value !== 0;
    if (isSet) wrong(old, 'needs to be unset');
  }
}

function seriesRules(series: Checked): void {
  if (series.isAbsent) return;
  if (series.at('count').number < seriesMin) wrong(series.at('count'), `should be at least ${seriesMin}`);
  series.at('lastObservedTime').needed();
}
