import { partOf } from './kinds/defaulting.ts';
import type { Node } from './kinds/node.ts';
import type { PersistentVolume } from './kinds/persistent-volume.ts';
import { matchesTerm } from './node-matching.ts';

type Term = Parameters<typeof matchesTerm>[0];

/** Whether a volume can be had on a node. */
export function isAffine(volume: PersistentVolume, node: Node): boolean {
  const required = partOf(partOf(partOf(volume.spec).nodeAffinity).required);
  const terms = required.nodeSelectorTerms as readonly Term[] | undefined;
  return terms === undefined || terms.some((term) => matchesTerm(term, node));
}
