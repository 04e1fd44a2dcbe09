import type { KubeObject } from './object.ts';

/** How a class was named before there was a field for it. */
const annotation = 'volume.beta.kubernetes.io/storage-class';

/** The storage class of a claim; '' where it names none, or wants none. */
export const storageClassOf = (claim: KubeObject): string =>
  claim.metadata.annotations?.[annotation] ?? named(claim) ?? '';

/** Whether a claim says anything about its class, be it that it wants none. */
export const hasStorageClass = (claim: KubeObject): boolean =>
  claim.metadata.annotations?.[annotation] !== undefined || named(claim) !== undefined;

const named = ({ spec }: KubeObject): string | undefined =>
  (spec as { readonly storageClassName?: string } | undefined)?.storageClassName;
