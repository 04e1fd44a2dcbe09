import type { Checked } from './checks.ts';
import { validateDownwardFile, validateItem, validateMode } from './volume-file-rules.ts';
import { ownPath } from './volume-source-rules.ts';

/** Several sources in one folder: no two of them may write the same file. */
export function validateProjections(projected: Checked): void {
  validateMode(projected.at('defaultMode'));
  const files = new Set<string>();
  const write = (path: string, shown: string): void => {
    if (path === '') return;
    if (files.has(path)) projected.invalidAs(shown, 'conflicting duplicate paths');
    files.add(path);
  };
  for (const source of projected.at('sources').items()) {
    const given = Object.keys(rules).filter((kind) => !source.at(kind).isAbsent);
    // A source that says nothing projects nothing; upstream lets it pass.
    for (const kind of given) (rules[kind] as Rule)(source.at(kind), projected, write);
    if (given.length > 1) source.forbidden('may not specify more than 1 volume type per source');
  }
}

type Rule = (source: Checked, projected: Checked, write: (path: string, shown: string) => void) => void;

const files: Rule = (source, _projected, write) => {
  source.at('name').needed();
  for (const item of source.at('items').items()) {
    validateItem(item);
    write(item.at('path').text, source.at('name').text);
  }
};

const tokenSecondsMin = 600;
const tokenSecondsMax = 2 ** 32;

const rules: Readonly<Record<string, Rule>> = {
  secret: files,
  configMap: files,
  downwardAPI: (source, _projected, write) => {
    for (const file of source.at('items').items()) {
      validateDownwardFile(file.toldAt(source.path));
      write(file.at('path').text, file.at('path').text);
    }
  },
  serviceAccountToken: (source, projected) => {
    const seconds = source.at('expirationSeconds');
    seconds.atLeast(tokenSecondsMin, 'may not specify a duration less than 10 minutes');
    if (seconds.number > tokenSecondsMax) seconds.invalid('may not specify a duration larger than 2^32 seconds');
    const path = source.at('path');
    const told = path.toldAt(`${projected.path}.path`);
    if (told.needed()) ownPath(told);
  },
};
