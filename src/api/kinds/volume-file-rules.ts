import type { Checked } from './checks.ts';
import { validateAmountReference, validateFieldReference } from './environment-rules.ts';
import { ownPath } from './volume-source-rules.ts';

/** The largest mode of a file: 0777. */
const modeMax = 0o777;
export function validateMode(mode: Checked): void {
  mode.between(0, modeMax, 'must be a number between 0 and 0777 (octal), both inclusive');
}

/** Which key becomes which file. */
export function validateItem(item: Checked): void {
  item.at('key').needed();
  item.at('path').needed();
  ownPath(item.at('path'));
  validateMode(item.at('mode'));
}

const downwardFields = [
  'metadata.annotations',
  'metadata.labels',
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
];

/** A file that tells of the pod itself. Its errors are told where the whole list stands. */
export function validateDownwardFile(file: Checked): void {
  const path = file.at('path');
  path.needed();
  ownPath(path);
  const [field, amount] = [file.at('fieldRef'), file.at('resourceFieldRef')];
  if (!field.isAbsent) {
    validateFieldReference(field, downwardFields);
    if (!amount.isAbsent) {
      file.invalidAs('resource', 'fieldRef and resourceFieldRef can not be specified simultaneously');
    }
  } else if (!amount.isAbsent) validateAmountReference(amount, true);
  else file.missing('one of fieldRef and resourceFieldRef is required');
  validateMode(file.at('mode'));
}
