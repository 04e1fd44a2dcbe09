import { invalid } from '../field-error.ts';
import { dnsLabel } from '../names.ts';
import type { Checked } from './checks.ts';
import { partsOf, textOf } from './defaulting.ts';

const referencesMax = 32;

/** Requests by their names, and each of their alternatives behind a slash. */
export function requestNames(devices: Checked): ReadonlySet<string> {
  return new Set(
    partsOf(devices.part.requests).flatMap(({ name, firstAvailable }) => [
      textOf(name),
      ...partsOf(firstAvailable).map((alternative) => `${textOf(name)}/${textOf(alternative.name)}`),
    ]),
  );
}

export function referencesRules(references: Checked, names: ReadonlySet<string>): void {
  references.itemsAtMost(referencesMax);
  references.unique();
  for (const reference of references.items()) referenceRules(reference, names);
}

export function referenceRules(reference: Checked, names: ReadonlySet<string>): void {
  const parts = reference.text.split('/');
  if (parts.length <= 2) {
    for (const part of parts) {
      for (const sentence of dnsLabel(part)) reference.add(invalid(reference.path, part, sentence));
    }
  }
  if (names.has(reference.text)) return;
  const sentence =
    "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";
  reference.invalid(sentence);
}
