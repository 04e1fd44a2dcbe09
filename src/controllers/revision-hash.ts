import type { PodTemplate } from '../api/kinds/pod.ts';
import { hash32 } from '../base/hash.ts';
import { canonicalJson, type Json } from '../base/json.ts';

// Letters without vowels or look-alikes: a hash is part of names and must spell nothing.
const alphabet = 'bcdfghjklmnpqrstvwxz2456789';
const texts = new WeakMap<PodTemplate, string>();

export const podTemplateHashLabel = 'pod-template-hash';

/** Templates are equal when their texts are: the hash label and the empty creation time do not count. */
export function templateText(template: PodTemplate): string {
  const known = texts.get(template);
  if (known !== undefined) return known;
  const { creationTimestamp: _time, labels = {}, ...metadata } = template.metadata ?? {};
  const { [podTemplateHashLabel]: _hash, ...rest } = labels;
  const text = canonicalJson({ ...template, metadata: { ...metadata, labels: rest } } as unknown as Json);
  texts.set(template, text);
  return text;
}

export function templateHash(template: PodTemplate, collisionCount: number | undefined): string {
  return hashLetters(hash32(templateText(template) + (collisionCount === undefined ? '' : `/${collisionCount}`)));
}

export const hashLetters = (hash: number): string =>
  [...String(hash)].map((digit) => alphabet[digit.charCodeAt(0) % alphabet.length]).join('');
