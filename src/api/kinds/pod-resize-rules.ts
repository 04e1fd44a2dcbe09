import { equalJson } from '../../base/json.ts';
import type { Checked } from './checks.ts';
import { mapOf, type Part, partOf, partsOf, textOf } from './defaulting.ts';
import { qualityOf } from './pod-quality.ts';

const lists = ['containers', 'initContainers'] as const;
const mirror = 'kubernetes.io/config.mirror';

/** The pod with nothing changed but what its containers take, and how that may change. */
export function resized(spec: Part, previous: Part): Part {
  const next: Record<string, unknown> = { ...previous };
  for (const list of lists) {
    if (spec[list] === undefined) continue;
    const before = new Map(partsOf(previous[list]).map((container) => [container.name, container]));
    next[list] = partsOf(spec[list]).map((container) => {
      const old = before.get(container.name);
      return old ? withResources(old, container) : container;
    });
  }
  return spec.resources === undefined ? next : { ...next, resources: spec.resources };
}

function withResources(old: Part, { resources, resizePolicy }: Part): Part {
  const { resources: _resources, resizePolicy: _policy, ...rest } = old;
  return {
    ...rest,
    ...(resources === undefined ? {} : { resources }),
    ...(resizePolicy === undefined ? {} : { resizePolicy }),
  };
}

/** Only processors and memory change while a pod runs, and never how well they are promised. */
export function validateResize(root: Checked, previous: Checked): void {
  const spec = root.at('spec');
  const before = previous.at('spec').part;
  if (mapOf(previous.at('metadata').part.annotations)[mirror] !== undefined) {
    root.toldAt('').forbidden('static pods cannot be resized');
    return;
  }
  if (partOf(before.os).name === 'windows') {
    root.toldAt('').forbidden('windows pods cannot be resized');
    return;
  }
  // An agent that resizes says what a container has now.
  const running = partsOf(previous.at('status').part.containerStatuses).find((status) => partOf(status.state).running);
  if (running && running.resources === undefined) {
    root.toldAt('').forbidden('Pod running on node without support for resize');
  }
  const quality = qualityOf(spec.part);
  const promised = textOf(previous.at('status').part.qosClass) || qualityOf(before);
  if (quality !== promised) spec.invalidAs(promised, 'Pod QOS Class may not change as a result of resizing');
  if (!sameOrder(spec, before)) return;
  for (const list of lists) {
    for (const [index, container] of spec.at(list).items().entries()) {
      const old = partsOf(before[list])[index] as Part;
      if (list === 'containers' || old.restartPolicy === 'Always') validateContainer(container, old);
      else if (!equalJson(container.part.resources, old.resources)) {
        container.at('resources').forbidden('resources for non-sidecar init containers are immutable');
      }
    }
  }
}

function sameOrder(spec: Checked, before: Part): boolean {
  for (const list of lists) {
    const names = (containers: unknown) => partsOf(containers).map(({ name }) => name);
    if (equalJson(names(spec.part[list]), names(before[list]))) continue;
    const count = partsOf(spec.part[list]).length;
    const sentence =
      count === partsOf(before[list]).length ? 'may not be renamed or reordered' : 'may not be added or removed';
    spec.at(list).forbidden(`containers ${sentence} on resize`);
    return false;
  }
  return true;
}

function validateContainer(container: Checked, old: Part): void {
  const before = partOf(old.resources);
  for (const field of ['requests', 'limits'] as const) {
    const amounts = container.at('resources').at(field);
    const removed = Object.keys(mapOf(before[field])).some((name) => amounts.part[name] === undefined);
    if (removed) amounts.forbidden(`resource ${field} cannot be removed`);
  }
  const others = (resources: Part) =>
    ['requests', 'limits'].map((field) => {
      const { cpu: _cpu, memory: _memory, ...rest } = mapOf(resources[field]);
      return rest;
    });
  if (!equalJson(others(container.at('resources').part), others(before))) {
    container.at('resources').forbidden('only cpu and memory resources are mutable');
  }
}
