import { isObject, type Json } from '../../base/json.ts';
import { required } from '../field-error.ts';
import { rulesOf } from './checks.ts';

export const controllerRevisionRules = rulesOf((root, previous) => {
  const data = root.at('data');
  if (previous) data.same(previous.part.data);
  else if (data.isAbsent) data.add(required(data.path, 'data is mandatory'));
  else if (!isObject(data.value as Json)) data.add(required(data.path, 'data must be a valid JSON object'));
  root.at('revision').notNegative();
});
