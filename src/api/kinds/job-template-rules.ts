import { equalJson } from '../../base/json.ts';
import type { Checked } from './checks.ts';
import { changed, filled, type Part, partOf, partsOf } from './defaulting.ts';

/**
 * The template of a job stays as it was made. While a job is suspended and runs nothing, somebody else (a queue) may
 * still say where its pods go and what they get.
 */
export function templateChangeRules(spec: Checked, previous: Checked): void {
  const template = spec.at('template');
  const before = partOf(previous.at('spec').part.template);
  if (!isIdle(previous)) {
    template.same(before);
    return;
  }
  const now = partOf(template.part.spec);
  if (equalJson(now, withPlacementOf(partOf(before.spec), now))) return;
  template.at('spec').invalid('field is immutable');
}

function isIdle(previous: Checked): boolean {
  if (previous.at('spec').part.suspend !== true) return false;
  const { startTime, active, conditions } = previous.at('status').part;
  if (startTime === undefined || startTime === null) return true;
  const suspended = partsOf(conditions).some(({ type, status }) => type === 'Suspended' && status === 'True');
  return suspended && Number(active ?? 0) === 0;
}

function withPlacementOf(before: Part, now: Part): Part {
  const { affinity, nodeSelector: _selector, tolerations: _tolerations, schedulingGates: _gates, ...rest } = before;
  const { nodeSelector, tolerations, schedulingGates } = now;
  const placed = filled(rest, {
    nodeSelector,
    tolerations,
    schedulingGates,
    affinity: affinityOf(affinity, now.affinity),
  });
  return ['containers', 'initContainers'].reduce((spec, list) => withResourcesOf(spec, now, list), placed as Part);
}

/** Only the nodes may be chosen anew, not the pods to be near to. */
function affinityOf(before: unknown, now: unknown): unknown {
  const { nodeAffinity } = partOf(now);
  const { nodeAffinity: _old, ...rest } = partOf(before);
  if (before === undefined)
    return nodeAffinity === undefined && now === undefined ? undefined : filled({}, { nodeAffinity });
  if (now === undefined && Object.keys(rest).length === 0) return undefined;
  return filled(rest, { nodeAffinity });
}

function withResourcesOf(spec: Part, now: Part, list: string): Part {
  const asked = partsOf(now[list]);
  if (asked.length !== partsOf(spec[list]).length) return spec;
  return changed(spec, list, (containers) =>
    (containers as unknown as readonly Part[]).map((container, index) => {
      const { resources: _old, ...rest } = container;
      return filled(rest, { resources: asked[index]?.resources });
    }),
  );
}
