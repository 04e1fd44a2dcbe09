import { equalJson } from '../../base/json.ts';
import { required } from '../field-error.ts';
import { rulesOf } from './checks.ts';
import { parameterRules, provisionerRules } from './storage-parameters.ts';

export const volumeAttributesClassRules = rulesOf((root, previous) => {
  const parameters = root.at('parameters');
  if (previous) {
    for (const field of ['driverName', 'parameters']) {
      if (equalJson(root.part[field] ?? null, previous.part[field] ?? null)) continue;
      root.at(field).forbidden(`updates to ${field} are forbidden.`);
    }
  }
  provisionerRules(root.at('driverName'));
  parameterRules(parameters);
  if (Object.keys(parameters.part).length === 0) {
    parameters.add(required(parameters.path, 'must contain at least one key/value pair'));
  }
});
