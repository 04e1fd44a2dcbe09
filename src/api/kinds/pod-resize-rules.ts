import { equalJson, type Json } from '../../base/json.ts';
import type { Checked } from './checks.ts';
import { mapOf, type Part, partOf, partsOf, textOf } from './defaulting.ts';
import { qualityOf } from './pod-quality.ts';

const lists = ['containers', 'initContainers'] as const;
const mirror = 'kubernetes.io/config.mirror';

/**
 * The pod with nothing changed but what its containers take, and how that may change. Nothing where there are more or
 * fewer of them: then it is told what is wrong with all that was sent. Others than before stay as they were sent.
 */
export function resized(spec: Part, previous: Part): Part | undefined {
  if (lists.some((list) => partsOf(spec[list]).length !== partsOf(previous[list]).length)) return undefined;
  const { resources: _resources, ...rest } = previous;
  const next: Record<string, unknown> = {
    ...rest,
    ...(spec.resources === undefined ? {} : { resources: spec.resources }),
  };
  for (const list of lists) {
    const [containers, before] = [partsOf(spec[list]), partsOf(previous[list])];
    if (containers.length === 0) continue;
    const isSame = containers.every(({ name }, index) => name === before[index]?.name);
    next[list] = isSame ? containers.map((one, index) => withResources(before[index] as Part, one)) : containers;
  }
  return next;
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
    return root.toldAt('').forbidden('static pods cannot be resized');
  }
  if (partOf(before.os).name === 'windows') return root.toldAt('').forbidden('windows pods cannot be resized');
  const quality = qualityOf(spec.part);
  const promised = textOf(previous.at('status').part.qosClass) || qualityOf(before);
  if (quality !== promised) spec.invalidAs(promised, 'Pod QOS Class may not change as a result of resizing');
  // An agent that resizes says what a container has now.
  const running = partsOf(previous.at('status').part.containerStatuses).find((status) => partOf(status.state).running);
  if (running && running.resources === undefined) spec.forbidden('Pod running on node without support for resize');
  validatePodLevel(spec, partOf(before.resources));
  if (!sameOrder(spec, before)) return;
  for (const list of lists) {
    for (const [index, container] of spec.at(list).items().entries()) {
      const old = partsOf(before[list])[index] as Part;
      nothingRemoved(container.at('resources'), partOf(old.resources), 'resource');
      if (list === 'containers') {
        if (!equalJson(fixed(container.part), fixed(old, true))) spec.forbidden(onlyAmounts);
      } else validateStarter(container, old);
    }
  }
}

const onlyAmounts = 'only cpu and memory resources are mutable';

/** What the containers of a pod take together. */
function validatePodLevel(spec: Checked, before: Part): void {
  const resources = spec.at('resources');
  const count = (part: Part) => [...Object.keys(partOf(part.requests)), ...Object.keys(partOf(part.limits))].length;
  if (count(before) + count(resources.part) === 0) return;
  if (resources.isAbsent) return resources.forbidden('pod-level resources cannot be removed');
  nothingRemoved(resources, before, 'pod-level resource');
  const others = (part: Part) => [otherAmounts(part.requests), otherAmounts(part.limits), part.claims ?? null];
  if (!equalJson(others(resources.part), others(before))) spec.forbidden(`${onlyAmounts} at pod-level`);
}

function nothingRemoved(resources: Checked, before: Part, what: string): void {
  for (const field of ['requests', 'limits'] as const) {
    const amounts = resources.at(field);
    const removed = Object.keys(mapOf(before[field])).some((name) => amounts.part[name] === undefined);
    if (removed) amounts.forbidden(`${what} ${field} cannot be removed`);
  }
}

function validateStarter(container: Checked, old: Part): void {
  if (!equalJson(fixed(container.part), fixed(old, true))) {
    container.forbidden('only cpu and memory resources for init or sidecar containers are mutable');
  }
  const isSidecar = container.part.restartPolicy === 'Always';
  const restarts = partsOf(container.part.resizePolicy).some(
    ({ restartPolicy }) => restartPolicy === 'RestartContainer',
  );
  if (isSidecar || !restarts || equalJson(container.value, old)) return;
  container.forbidden('non-sidecar init containers with a resize policy of RestartContainer cannot be resized');
}

/** What of a container stays. Devices that it claims keep it from being resized at all, as upstream has it. */
function fixed(container: Part, withClaims = false): Json {
  const { resources, ...rest } = container;
  const { requests, limits, claims = null } = partOf(resources);
  return {
    ...rest,
    requests: otherAmounts(requests),
    limits: otherAmounts(limits),
    claims: withClaims ? claims : null,
  } as Json;
}

function otherAmounts(amounts: unknown): Json {
  const { cpu: _cpu, memory: _memory, ...rest } = mapOf(amounts);
  return rest;
}

function sameOrder(spec: Checked, before: Part): boolean {
  let isSame = true;
  for (const list of lists) {
    const [containers, old] = [spec.at(list), partsOf(before[list])];
    const items = containers.items();
    if (items.length !== old.length) containers.forbidden(`${list} may not be added or removed on resize`);
    for (const [index, container] of items.length === old.length ? items.entries() : []) {
      if (container.part.name === old[index]?.name) continue;
      container.at('name').forbidden(`${list} may not be renamed or reordered on resize`);
      isSame = false;
    }
    isSame &&= items.length === old.length;
  }
  return isSame;
}
