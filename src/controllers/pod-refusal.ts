import { pods } from '../api/kinds/pod.ts';
import type { KubeObject } from '../api/object.ts';
import type { Notice } from '../client/action.ts';
import type { Refusal } from '../machinery/controller.ts';

const endingNamespace = 'NamespaceTerminating';

/** A pod that could not be made or deleted is told of under its owner; in a namespace that ends, nobody need know. */
export function podRefusal(owner: KubeObject, refusal: Refusal): Notice | undefined {
  const { action, error } = refusal;
  if (!isPodRefusal(refusal) || isEndingNamespace(refusal)) return undefined;
  const told = { verb: 'event', about: owner, type: 'Warning' } as const;
  if (action.verb === 'create') return { ...told, reason: 'FailedCreate', message: `Error creating: ${error.message}` };
  return { ...told, reason: 'FailedDelete', message: `Error deleting: ${error.message}` };
}

/** Whether it is a pod that could not be made or deleted. */
export const isPodRefusal = ({ action: { kind, verb } }: Refusal): boolean =>
  kind.plural === pods.plural && (verb === 'create' || verb === 'delete');

export const isEndingNamespace = ({ error }: Refusal): boolean =>
  error.details?.causes?.some(({ reason }) => reason === endingNamespace) ?? false;
