import type { KubeObject } from '../object.ts';
import { compareQuantity, parseQuantity, type Quantity } from '../quantity.ts';
import { storageClassOf } from '../storage-class-of.ts';
import { type Amounts, whole } from './amounts.ts';
import type { Evaluator } from './evaluator.ts';
import { fitsScope, type Scope } from './scopes.ts';

const count = 'count/persistentvolumeclaims';
const claims = 'persistentvolumeclaims';
const storage = 'requests.storage';
const classInfix = '.storageclass.storage.k8s.io/';

interface Spec {
  readonly resources?: { readonly requests?: { readonly storage?: string } };
  readonly volumeAttributesClassName?: string;
}
interface Status {
  readonly allocatedResources?: { readonly storage?: string };
  readonly currentVolumeAttributesClassName?: string;
  readonly modifyVolumeStatus?: { readonly targetVolumeAttributesClassName?: string };
}

/** Claims and what they ask for, of all classes together and of each alone. */
export const claimEvaluator: Evaluator = {
  handles: ({ operation, route }) => (operation === 'CREATE' || operation === 'UPDATE') && route.subresource === '',
  limits: (name) => name === count || [claims, storage].some((own) => name === own || name.endsWith(classInfix + own)),
  inScope,
  usage,
};

function usage(claim: KubeObject): Amounts {
  const asked = storageOf(claim);
  const amounts = new Map([[count, whole(1)], [claims, whole(1)], ...(asked ? ([[storage, asked]] as const) : [])]);
  const name = storageClassOf(claim);
  if (name === '') return amounts;
  amounts.set(name + classInfix + claims, whole(1));
  if (asked) amounts.set(name + classInfix + storage, asked);
  return amounts;
}

/** While a volume grows, what it will have counts already. */
function storageOf({ spec, status }: KubeObject): Quantity | undefined {
  const asked = (spec as Spec | undefined)?.resources?.requests?.storage;
  if (asked === undefined) return undefined;
  const wanted = parseQuantity(asked);
  const allocated = (status as Status | undefined)?.allocatedResources?.storage;
  if (allocated === undefined) return wanted;
  const growing = parseQuantity(allocated);
  return compareQuantity(growing, wanted) > 0 ? growing : wanted;
}

function inScope(scope: Scope, { spec, status }: KubeObject): boolean {
  if (scope.scopeName !== 'VolumeAttributesClass') return false;
  const { volumeAttributesClassName } = (spec ?? {}) as Spec;
  const { currentVolumeAttributesClassName, modifyVolumeStatus } = (status ?? {}) as Status;
  const names = [
    volumeAttributesClassName,
    currentVolumeAttributesClassName,
    modifyVolumeStatus?.targetVolumeAttributesClassName,
  ].filter((name) => name !== undefined && name !== '');
  return names.length === 0 ? fitsScope(scope, undefined) : names.some((name) => fitsScope(scope, name));
}
