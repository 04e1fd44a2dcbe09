import { canonicalJson, equalJson, type Json, type JsonObject } from '../../base/json.ts';
import { goView, shownDifference } from '../schema/go-view.ts';
import type { Checked } from './checks.ts';
import { mapOf, type Part, partOf, partsOf } from './defaulting.ts';

const frozen =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

/** What may change in a pod that is made: images, the deadline, more tolerations, fewer scheduling gates. */
export function validatePodUpdate(spec: Checked, before: Part): void {
  for (const list of ['containers', 'initContainers']) {
    if (spec.at(list).items().length !== partsOf(before[list]).length) {
      spec.at(list).forbidden('pod updates may not add or remove containers');
      return;
    }
  }
  if (!validateDeadline(spec.at('activeDeadlineSeconds'), before.activeDeadlineSeconds)) return;
  onlyAddedTolerations(spec.at('tolerations'), partsOf(before.tolerations));
  onlyRemovedGates(spec.at('schedulingGates'), before);
  const gated = partsOf(before.schedulingGates).length > 0;
  if (gated) validateNarrowing(spec, before);
  const rest = comparable(spec.part, before, gated);
  if (equalJson(rest, before as Json)) return;
  const view = (part: Json) => inOrder(goView('core.v1.PodSpec', part));
  spec.forbidden(`${frozen}\n${shownDifference(view(before as Json), view(rest))}`);
}

/** As upstream's own structure has them: what is started first stands first. */
function inOrder(view: Json): Json {
  const { Volumes, InitContainers, Containers, EphemeralContainers, ...rest } = view as JsonObject;
  return { Volumes, InitContainers, Containers, EphemeralContainers, ...rest } as unknown as Json;
}

/** A deadline may come and come nearer. Answers whether there is any sense in looking further. */
function validateDeadline(deadline: Checked, before: unknown): boolean {
  if (deadline.isAbsent) {
    if (typeof before === 'number') deadline.invalidAs(null, 'must not update from a positive integer to nil value');
    return true;
  }
  if (deadline.number < 0 || deadline.number > 2 ** 31 - 1) {
    deadline.invalid('must be between 0 and 2147483647, inclusive');
    return false;
  }
  if (typeof before !== 'number' || deadline.number <= before) return true;
  deadline.invalid('must be less than or equal to previous value');
  return false;
}

function onlyAddedTolerations(tolerations: Checked, before: readonly Part[]): void {
  const bare = ({ tolerationSeconds: _seconds, ...rest }: Part) => canonicalJson(rest as Json);
  const after = new Set(partsOf(tolerations.value).map(bare));
  if (before.every((old) => after.has(bare(old)))) return;
  tolerations.forbidden('existing toleration can not be modified except its tolerationSeconds');
}

function onlyRemovedGates(gates: Checked, before: Part): void {
  const known = new Set(partsOf(before.schedulingGates).map(({ name }) => name));
  for (const gate of gates.items()) {
    const name = gate.at('name');
    if (known.has(gate.part.name)) continue;
    name.forbidden(`only deletion is allowed, but found new scheduling gate '${name.text}'`);
  }
}

const must = 'requiredDuringSchedulingIgnoredDuringExecution';

/** A pod that is held back may still say more narrowly which nodes it wants. */
function validateNarrowing(spec: Checked, before: Part): void {
  const wanted = spec.at('nodeSelector');
  const had = mapOf(before.nodeSelector);
  if (Object.entries(had).some(([key, value]) => wanted.part[key] !== value)) {
    wanted.invalid('only additions to spec.nodeSelector are allowed (no mutations or deletions)');
  }
  const old = partOf(before.affinity).nodeAffinity;
  if (old === undefined) return;
  const terms = spec.at('affinity').at('nodeAffinity').at(must).at('nodeSelectorTerms');
  const oldTerms = partsOf(partOf(partOf(old)[must]).nodeSelectorTerms);
  if (oldTerms.length === 0) return;
  if (terms.items().length !== oldTerms.length) {
    terms.invalidAs(terms.value ?? null, 'no additions/deletions to non-empty NodeSelectorTerms list are allowed');
    return;
  }
  for (const [index, term] of terms.items().entries()) {
    if (!hasOnlyAdditions(term.part, oldTerms[index] as Part)) {
      const shown = goView('core.v1.NodeSelectorTerm', term.value);
      term.invalidAs(shown, 'only additions are allowed (no mutations or deletions)');
    }
  }
}

function hasOnlyAdditions(term: Part, before: Part): boolean {
  const counts = ['matchExpressions', 'matchFields'].map((field) => partsOf(before[field]).length);
  // A term that demanded nothing matches nothing: any demand would widen it.
  if (counts.every((count) => count === 0)) return equalJson(term as Json, before as Json);
  return ['matchExpressions', 'matchFields'].every((field) => {
    const [next, old] = [partsOf(term[field]), partsOf(before[field])];
    return next.length >= old.length && old.every((item, index) => equalJson(item, next[index]));
  });
}

/** The spec with the old value of whatever may change. */
function comparable(spec: Part, before: Part, gated: boolean): Json {
  const images = (list: string): Part =>
    spec[list] === undefined
      ? {}
      : {
          [list]: partsOf(spec[list]).map((container, index) => ({
            ...container,
            image: partsOf(before[list])[index]?.image,
          })),
        };
  const { activeDeadlineSeconds, tolerations, schedulingGates, terminationGracePeriodSeconds: grace } = before;
  const eased = typeof grace === 'number' && grace < 0 && spec.terminationGracePeriodSeconds === 1;
  const next: Record<string, unknown> = {
    ...spec,
    ...images('containers'),
    ...images('initContainers'),
    activeDeadlineSeconds,
    tolerations,
    schedulingGates,
    ...(eased ? { terminationGracePeriodSeconds: grace } : {}),
  };
  if (gated) {
    next.nodeSelector = before.nodeSelector;
    next.affinity = withNodeAffinity(spec.affinity, before.affinity);
  }
  return next as Json;
}

function withNodeAffinity(next: unknown, before: unknown): unknown {
  const { nodeAffinity: _own, ...others } = partOf(next);
  const { nodeAffinity } = partOf(before);
  if (nodeAffinity === undefined && Object.keys(others).length === 0) return before;
  return { ...others, nodeAffinity };
}

const mirror = 'kubernetes.io/config.mirror';
const isMirror = (pod: Checked): boolean => mapOf(pod.at('metadata').part.annotations)[mirror] !== undefined;

/** Containers that are put into a pod stay in it as they are. */
export function validateEphemeralUpdate(root: Checked, previous: Checked): void {
  if (isMirror(previous)) root.toldAt('').forbidden('static pods do not support ephemeral containers');
  const list = root.at('spec').at('ephemeralContainers');
  const after = new Map(partsOf(list.value).map((container) => [container.name, container]));
  for (const old of partsOf(previous.at('spec').part.ephemeralContainers)) {
    const next = after.get(old.name);
    const name = JSON.stringify(old.name);
    if (next === undefined) list.forbidden(`existing ephemeral containers ${name} may not be removed\n`);
    else if (!equalJson(next, old)) list.forbidden(`existing ephemeral containers ${name} may not be changed\n`);
  }
}
