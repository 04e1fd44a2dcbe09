import type { Container, Pod } from '../api/kinds/pod.ts';
import type { Clock, Millis } from '../base/env.ts';
import { StopSource } from '../base/stop.ts';
import { isSystemPod } from './critical-pods.ts';
import { Hooks } from './hooks.ts';
import { defaultGraceSeconds } from './pod-plan.ts';
import { parseContainerId } from './pod-view.ts';
import type { Secure } from './probes.ts';
import type { Runtime, RuntimeList } from './runtime.ts';

export interface Shutdown {
  readonly clock: Clock;
  readonly runtime: Runtime;
  readonly pods: readonly Pod[];
  /** What ordinary pods get at most, and then those of the system. */
  readonly graceMs: Millis;
  readonly secure?: Secure;
}

/** Ends the pods of a node that goes: ordinary ones first, each with its hooks, its grace, and its sidecars last. */
export async function endInOrder(shutdown: Shutdown): Promise<void> {
  const { pods, runtime } = shutdown;
  // Others may need those of the system until they have ended.
  for (const phase of [pods.filter((pod) => !isSystemPod(pod)), pods.filter(isSystemPod)]) {
    if (phase.length === 0) continue;
    const list = await runtime.list();
    await Promise.all(phase.map((pod) => endPod(shutdown, pod, list)));
  }
}

async function endPod(shutdown: Shutdown, pod: Pod, list: RuntimeList): Promise<void> {
  const { uid } = pod.metadata;
  const states = list.containers.filter(({ sandbox, state }) => sandbox === uid && state === 'running');
  if (states.length === 0) return;
  const podIp = list.sandboxes.find(({ id }) => id === uid)?.ips[0] ?? '';
  const own = (pod.spec.terminationGracePeriodSeconds ?? defaultGraceSeconds) * 1000;
  const until = shutdown.clock.monotonic() + Math.min(own, shutdown.graceMs);
  const sidecars = (pod.spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  const names = new Set(sidecars.map(({ name }) => name));
  const ending = (id: string, container: Container | undefined) =>
    endOne(shutdown, { id, container, podIp, uid, until });
  const idsOf = (name: string) => states.filter(({ id }) => parseContainerId(id).name === name).map(({ id }) => id);
  const others = states.map(({ id }) => id).filter((id) => !names.has(parseContainerId(id).name));
  const containerOf = (id: string) => pod.spec.containers.find(({ name }) => name === parseContainerId(id).name);
  await Promise.all(others.map((id) => ending(id, containerOf(id))));
  for (const sidecar of [...sidecars].reverse()) for (const id of idsOf(sidecar.name)) await ending(id, sidecar);
}

interface Ended {
  readonly id: string;
  readonly container: Container | undefined;
  readonly podIp: string;
  readonly uid: string;
  readonly until: Millis;
}

async function endOne(
  { clock, runtime, secure }: Shutdown,
  { id, container, podIp, uid, until }: Ended,
): Promise<void> {
  const left = () => Math.max(0, until - clock.monotonic());
  const hook = container?.lifecycle?.preStop;
  if (container && hook) {
    const enough = new StopSource();
    const cancel = clock.after(left(), () => enough.stop());
    const late = new Promise<undefined>((resolve) => enough.onStop(() => resolve(undefined)));
    const hooks = new Hooks({ clock, runtime, sandbox: uid, ...(secure ? { secure } : {}) });
    await Promise.race([hooks.run(hook, { container, id, podIp }, enough), late]);
    cancel();
  }
  await runtime.stop(id, left());
}
