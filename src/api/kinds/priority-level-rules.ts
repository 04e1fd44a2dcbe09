import { forbidden, invalid, required } from '../field-error.ts';
import { type Checked, rulesOf } from './checks.ts';
import { mandatoryPriorityLevels } from './flow-mandatory.ts';
import { fixedRules, flowStatusRules } from './flow-schema-rules.ts';

const exempt = 'exempt';
const queuesMax = 10_000_000;
const entropyBitsMax = 60;

export const priorityLevelRules = rulesOf((root) => {
  const spec = root.at('spec');
  const name = root.at('metadata').at('name').text;
  specRules(spec, name);
  fixedRules(spec, name, mandatoryPriorityLevels);
}, flowStatusRules);

function specRules(spec: Checked, name: string): void {
  const type = spec.at('type');
  const limited = spec.at('limited');
  const free = spec.at('exempt');
  if ((name === exempt) !== (type.text === 'Exempt')) {
    type.invalid("type must be 'Exempt' if and only if name is 'exempt'");
  }
  if (type.text === 'Exempt') {
    if (!limited.isAbsent) limited.add(forbidden(limited.path, 'must be nil if the type is not Limited'));
    if (free.isAbsent) free.add(required(free.path, 'must not be empty when type is Exempt'));
    else sharesRules(free);
  } else if (type.text === 'Limited') {
    if (!free.isAbsent) free.add(forbidden(free.path, 'must be nil if the type is Limited'));
    if (limited.isAbsent) limited.add(required(limited.path, 'must not be empty when type is Limited'));
    else limitedRules(limited);
  } else type.neededOneOf('Exempt', 'Limited');
}

function sharesRules(level: Checked): void {
  const shares = level.at('nominalConcurrencyShares');
  if (shares.number < 0) shares.invalid('must be a non-negative integer');
  level.at('lendablePercent').between(0, 100, 'must be between 0 and 100, inclusive');
}

function limitedRules(limited: Checked): void {
  sharesRules(limited);
  limited.at('borrowingLimitPercent').atLeast(0, 'if specified, must be a non-negative integer');
  const response = limited.at('limitResponse');
  const queuing = response.at('queuing');
  if (!response.at('type').neededOneOf('Queue', 'Reject')) return;
  if (response.at('type').text === 'Reject') {
    const sentence = 'must be nil if limited.limitResponse.type is not Limited';
    if (!queuing.isAbsent) queuing.add(forbidden(queuing.path, sentence));
  } else if (queuing.isAbsent) {
    queuing.add(required(queuing.path, 'must not be empty if limited.limitResponse.type is Limited'));
  } else queuingRules(queuing);
}

function queuingRules(queuing: Checked): void {
  const queues = queuing.at('queues');
  const hand = queuing.at('handSize');
  const wrong = (at: Checked, sentence: string) => at.add(invalid(at.path, at.number, sentence));
  if (queuing.at('queueLengthLimit').number <= 0) wrong(queuing.at('queueLengthLimit'), 'must be positive');
  if (queues.number <= 0) wrong(queues, 'must be positive');
  else if (queues.number > queuesMax) wrong(queues, `must not be greater than ${queuesMax}`);
  if (hand.number <= 0) wrong(hand, 'must be positive');
  else if (hand.number > queues.number) wrong(hand, `should not be greater than queues (${queues.number})`);
  else if (entropyBits(queues.number, hand.number) > entropyBitsMax) {
    const what = `deckSize ${queues.number} and handSize ${hand.number}`;
    wrong(hand, `required entropy bits of ${what} should not be greater than ${entropyBitsMax}`);
  }
}

/** How much chance it takes to draw a hand of queues from a deck of them. */
const entropyBits = (deck: number, hand: number): number => Math.ceil(Math.log2(deck) * hand);
