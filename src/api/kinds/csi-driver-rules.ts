import { invalid, notSupported } from '../field-error.ts';
import { type Checked, rulesOf } from './checks.ts';
import { partsOf } from './defaulting.ts';

const fewestSeconds = 600;
const mostSeconds = 2 ** 32;
const updatePeriodSecondsMin = 10;

export const csiDriverRules = rulesOf((root, previous) => {
  const spec = root.at('spec');
  const policies = ['File', 'None', 'ReadWriteOnceWithFSType'];
  for (const field of ['attachRequired', 'podInfoOnMount', 'storageCapacity']) spec.at(field).needed();
  spec.at('fsGroupPolicy').optionalOneOf(...policies);
  tokenRules(spec.at('tokenRequests'));
  lifecycleRules(spec.at('volumeLifecycleModes'));
  spec.at('seLinuxMount').needed();
  const period = spec.at('nodeAllocatableUpdatePeriodSeconds');
  period.atLeast(updatePeriodSecondsMin, `must be greater than or equal to ${updatePeriodSecondsMin} seconds`);
  const secrets = spec.at('serviceAccountTokenInSecrets');
  if (!secrets.isAbsent && partsOf(spec.part.tokenRequests).length === 0) {
    secrets.invalid('serviceAccountTokenInSecrets can only be set when tokenRequests is configured');
  }
  if (!previous) return;
  const before = previous.at('spec').part;
  // Upstream's path is misspelt, and clients see it so.
  if (spec.part.attachRequired !== before.attachRequired) {
    spec.add(invalid('spec.attachedRequired', spec.part.attachRequired, 'field is immutable'));
  }
  spec.at('volumeLifecycleModes').same(before.volumeLifecycleModes);
});

function tokenRules(requests: Checked): void {
  requests.unique((request) => request.at('audience'));
  for (const request of requests.items()) {
    const seconds = request.at('expirationSeconds');
    if (seconds.isAbsent) continue;
    if (seconds.number < fewestSeconds) seconds.invalid('may not specify a duration less than 10 minutes');
    if (seconds.number > mostSeconds) seconds.invalid('may not specify a duration larger than 2^32 seconds');
  }
}

function lifecycleRules(modes: Checked): void {
  const known = ['Persistent', 'Ephemeral'];
  for (const mode of modes.items()) {
    if (!known.includes(mode.text)) modes.add(notSupported(modes.path, mode.text, known));
  }
}
