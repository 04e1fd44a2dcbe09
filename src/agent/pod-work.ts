import { isApiError } from '../api/error.ts';
import { type Container, isFinished, type LifecycleHandler, type Pod, type PodStatus, pods } from '../api/kinds/pod.ts';
import { keyOf } from '../api/object.ts';
import { type Env, type Millis, sleep } from '../base/env.ts';
import { equalJson, type Json, type JsonObject } from '../base/json.ts';
import { never, type Stop, StopSource } from '../base/stop.ts';
import type { Client } from '../client/client.ts';
import { containerSpec, type SpecSetting, sandboxSpec } from './container-spec.ts';
import type { Departure } from './departure.ts';
import { type DnsSetting, podDns, unknownNames } from './pod-dns.ts';
import { graceMinMs, planOf, type Step } from './pod-plan.ts';
import { type Busy, type PodFacts, type ProbeVerdict, podView, type StartFailure } from './pod-view.ts';
import { PodVolumes, type VolumeParts } from './pod-volumes.ts';
import { pretendedPod, pretendedStatus } from './pretended.ts';
import { httpAnswer, type ProbeOutcome, type Probes, portOf } from './probes.ts';
import { pullSecrets } from './pull-secrets.ts';
import { type ContainerState, InvalidImage, type PullPolicy, type Runtime, type RuntimeList } from './runtime.ts';
import { podStatus } from './status.ts';
import { MountError } from './volumes.ts';

const conflictsMax = 5;
const reportAfterMs = 100;
const deleteAgainMs = 10_000;

/** What the works of one agent share. */
export interface PodWorkParts {
  readonly env: Env;
  readonly client: Client;
  readonly probes: Probes;
  readonly dns?: DnsSetting;
  readonly hostIps: readonly string[];
  /** Without one, containers get no mounts. */
  readonly volumes?: VolumeParts;
  /** Asked before a container is started: throws where its pod may not run now. */
  permit?(pod: Pod, runtime: Runtime): Promise<void>;
  /** Without one, a pod is asked to end at once. */
  readonly departure?: Departure;
  /** The newest that the cache knows of the pod; nothing once it is gone. */
  wanted(uid: string): Pod | undefined;
  /** Containers only pretend: see pretended.ts. */
  readonly pretends: boolean;
  setting(pod: Pod): Omit<SpecSetting, 'podIps' | 'hostIps'>;
  again(uid: string): void;
  tell(pod: Pod, type: 'Normal' | 'Warning', reason: string, message: string): void;
}

/** Carries out the plans for one pod and remembers what no list of the runtime tells. Lost without harm. */
export class PodWork {
  readonly runtime: Runtime;
  readonly #parts: PodWorkParts;
  readonly #uid: string;
  readonly #verdicts = new Map<string, ProbeVerdict>();
  readonly #failures = new Map<string, StartFailure>();
  readonly #streaks = new Map<string, number>();
  readonly #busy = new Map<string, Busy>();
  readonly #volumes: PodVolumes | undefined;
  /** The pod as our last write of its status answered it: newer than the cache for a moment. */
  #written: Pod | undefined;
  #deletedAt: Millis | undefined;
  /** When something of it was first started. */
  #startingAt: Millis | undefined;
  /** What the runtime's list said of this pod when it was last looked at. */
  seen = '';

  constructor(parts: PodWorkParts, uid: string, runtime: Runtime) {
    this.#parts = parts;
    this.#uid = uid;
    this.runtime = runtime;
    const { volumes } = parts;
    this.#volumes = volumes && new PodVolumes(parts.env, parts.client, volumes, () => parts.again(uid));
  }

  /** Whether something of it ran when it was last looked at. */
  get runs(): boolean {
    return this.seen.includes(' running');
  }

  get idle(): boolean {
    return this.#busy.size === 0;
  }

  judge({ id, kind, ok, message }: ProbeOutcome, pod: Pod | undefined): void {
    const before = this.#verdicts.get(id) ?? {};
    if (kind === 'readiness') this.#verdicts.set(id, { ...before, ready: ok });
    else if (kind === 'startup') this.#verdicts.set(id, ok ? { ...before, started: true } : { ...before, live: false });
    else this.#verdicts.set(id, { ...before, live: ok });
    if (!ok && pod) {
      const title = `${kind.slice(0, 1).toUpperCase()}${kind.slice(1)}`;
      this.#parts.tell(pod, 'Warning', 'Unhealthy', `${title} probe failed: ${message}`);
    }
  }

  /** One look: the status as it is now, and the next steps. Answers when to look again. */
  async look(cached: Pod, list: RuntimeList): Promise<Millis | undefined> {
    const pod = this.#newest(cached);
    const facts = this.#facts(pod, list);
    const view = podView(facts);
    const plan = planOf(view, facts);
    this.seen = signature(list, this.#uid);
    const podIps = view.sandbox?.ips ?? [];
    this.#parts.probes.set(
      this.#uid,
      plan.probes.map((probe) => ({ ...probe, runtime: this.runtime, sandbox: this.#uid, podIp: podIps[0] ?? '' })),
    );
    for (const step of plan.steps) this.#begin(step, pod, podIps);
    this.#volumes?.keepTrue(pod, this.#setting(pod, podIps));
    const early = this.#tooEarly(pod, view.failedInit);
    if (early === undefined) await this.#report(pod, facts);
    await this.#finish(plan.steps, pod);
    const times = [this.#volumes?.dueMs, plan.again, early].filter((time) => time !== undefined);
    return times.length > 0 ? Math.min(...times) : undefined;
  }

  /**
   * How much longer to wait with the report of a pod that is just being started: most are running a moment later, and
   * then one write says it all.
   */
  #tooEarly({ metadata, status }: Pod, isFailed: unknown): Millis | undefined {
    const phase = status?.phase ?? 'Pending';
    const isStarting = phase === 'Pending' && metadata.deletionTimestamp === undefined && !this.idle;
    if (!isStarting || isFailed || this.#failures.size > 0) return undefined;
    const now = this.#parts.env.clock.monotonic();
    this.#startingAt ??= now;
    const left = this.#startingAt + reportAfterMs - now;
    return left > 0 ? left : undefined;
  }

  /** Ends what runs, at once and whatever it wants: the pod may be run by somebody else soon. */
  async fence(list: RuntimeList): Promise<void> {
    const running = ownOf(list, this.#uid).filter(({ state }) => state === 'running');
    await Promise.all(running.map(({ id }) => this.runtime.stop(id, 0)));
  }

  /** The pod is gone from the cluster: nothing of it stays. Answers whether all is done. */
  async cleanUp(list: RuntimeList): Promise<boolean> {
    this.#parts.probes.set(this.#uid, []);
    const own = ownOf(list, this.#uid);
    const sandbox = list.sandboxes.some(({ id }) => id === this.#uid);
    const running = own.filter((state) => state.state === 'running');
    for (const { id } of running) {
      const busy = this.#busy.get(id);
      if (!busy) this.#occupy(id, { doing: 'stopping', graceMs: graceMinMs }, () => this.runtime.stop(id, graceMinMs));
    }
    if (running.length > 0 || !this.idle) return false;
    if (sandbox) await this.runtime.closeSandbox(this.#uid);
    for (const { id } of own) await this.runtime.remove(id);
    await this.#volumes?.release(this.#uid);
    return true;
  }

  #newest(cached: Pod): Pod {
    const written = this.#written;
    const newer = written && Number(written.metadata.resourceVersion) > Number(cached.metadata.resourceVersion);
    if (!newer) this.#written = undefined;
    const newest = newer ? written : cached;
    return this.#parts.pretends ? pretendedPod(newest) : newest;
  }

  #facts(pod: Pod, list: RuntimeList): PodFacts {
    const sandbox = list.sandboxes.find(({ id }) => id === this.#uid);
    return {
      pod,
      now: this.#parts.env.clock.now(),
      ...(sandbox ? { sandbox } : {}),
      containers: ownOf(list, this.#uid),
      verdicts: this.#verdicts,
      failures: this.#failures,
      streaks: this.#streaks,
      busy: new Map(this.#busy),
    };
  }

  /** Steps that take long go on beside the look; when one ends, the pod is looked at again. */
  #begin(step: Step, pod: Pod, podIps: readonly string[]): void {
    if (step.do === 'open-sandbox') this.#occupy('', { doing: 'starting' }, () => this.#open(pod));
    else if (step.do === 'run') {
      this.#occupy(step.container.name, { doing: 'pulling' }, () => this.#start(step, pod, podIps));
    } else if (step.do === 'stop') {
      const busy: Busy = { doing: 'stopping', graceMs: step.graceMs };
      this.#parts.tell(pod, 'Normal', 'Killing', `Stopping container ${step.container.name}`);
      this.#occupy(step.container.name, busy, () => this.#stop(step, podIps[0] ?? ''));
    }
  }

  async #finish(steps: readonly Step[], pod: Pod): Promise<void> {
    for (const step of steps) {
      if (step.do === 'remove') await this.runtime.remove(step.id);
      else if (step.do === 'close-sandbox') {
        await this.runtime.closeSandbox(this.#uid);
        await this.#volumes?.release(this.#uid);
      } else if (step.do === 'delete-pod') await this.#delete(pod);
    }
  }

  #occupy(name: string, busy: Busy, action: () => Promise<void>): void {
    this.#busy.set(name, busy);
    const done = () => {
      const now = this.#busy.get(name);
      if (busy.doing !== 'stopping' ? now?.doing !== 'stopping' : now === busy) this.#busy.delete(name);
      this.#parts.again(this.#uid);
    };
    action().then(done, (error: unknown) => {
      this.#fail(name, error);
      done();
    });
  }

  #fail(name: string, error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    const known = (error as { readonly reason?: string } | undefined)?.reason;
    const { clock, log } = this.#parts.env;
    log.debug('a step of a pod failed', { uid: this.#uid, container: name, error: message });
    const doing = this.#busy.get(name)?.doing;
    if (doing === 'stopping') return;
    const reason =
      isApiError(error) || !known ? (doing === 'pulling' ? 'ErrImagePull' : 'CreateContainerError') : known;
    const pod = this.#parts.wanted(this.#uid);
    // A sandbox that cannot be had is told of every container.
    const names = name === '' ? (pod?.spec.containers ?? []).map((container) => container.name) : [name];
    for (const one of names) {
      const count = (this.#failures.get(one)?.count ?? 0) + 1;
      const told = name === '' ? 'CreatePodSandboxError' : reason;
      this.#failures.set(one, { reason: told, message, at: clock.now(), count });
    }
    if (!pod) return;
    if (name === '') {
      this.#parts.tell(pod, 'Warning', 'FailedCreatePodSandBox', `Failed to create pod sandbox: ${message}`);
    } else if (error instanceof MountError) {
      this.#parts.tell(pod, 'Warning', 'FailedMount', `MountVolume.SetUp failed: ${message}`);
    } else this.#parts.tell(pod, 'Warning', 'Failed', `Error: ${message}`);
  }

  async #open(pod: Pod): Promise<void> {
    const setting = this.#setting(pod, []);
    const containers = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
    const planned = await Promise.allSettled(
      containers.map((container) => containerSpec(this.#parts.client, pod, { container, attempt: 0 }, setting)),
    );
    const specs = planned.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    const dns = this.#parts.dns ? podDns(pod, this.#parts.dns) : unknownNames;
    for (const [reason, message] of dns.warnings) this.#parts.tell(pod, 'Warning', reason, message);
    await this.runtime.openSandbox(sandboxSpec(pod, dns.file), specs);
    this.#parts.env.metrics.count('kubelet_started_pods_total');
    for (const container of pod.spec.containers) {
      if (this.#failures.get(container.name)?.reason === 'CreatePodSandboxError') this.#failures.delete(container.name);
    }
  }

  async #start(step: Step & { do: 'run' }, pod: Pod, podIps: readonly string[]): Promise<void> {
    const { container, attempt } = step;
    const { name } = container;
    await this.#pull(pod, container);
    const now = this.#parts.wanted(this.#uid);
    if (!now || now.metadata.deletionTimestamp || isFinished(now)) return;
    this.#busy.set(name, { doing: 'starting' });
    const setting = this.#setting(pod, podIps);
    const spec = await containerSpec(this.#parts.client, pod, { container, attempt }, setting);
    const mounts = await this.#volumes?.mounts(pod, container, { ...setting, env: spec.env });
    await this.runtime.create({ ...spec, mounts: mounts ?? [] });
    await this.#parts.permit?.(now, this.runtime);
    await this.runtime.start(spec.id);
    this.#failures.delete(name);
    this.#parts.env.metrics.count('kubelet_started_containers_total');
    if (attempt > 0) this.#parts.env.metrics.count('kube_pod_container_status_restarts_total');
    if (step.streakFrom !== undefined) this.#streaks.set(name, step.streakFrom);
    this.#parts.tell(now, 'Normal', 'Started', `Started container ${name}`);
    const hook = container.lifecycle?.postStart;
    if (!hook) return;
    const ok = await this.#hook(hook, { container, id: spec.id, podIp: podIps[0] ?? '' }, never).catch(() => false);
    if (ok) return;
    this.#parts.tell(now, 'Warning', 'FailedPostStartHook', 'PostStartHook failed');
    await this.runtime.stop(spec.id, (pod.spec.terminationGracePeriodSeconds ?? 30) * 1000);
  }

  async #pull(pod: Pod, container: Container): Promise<void> {
    const policy = (container.imagePullPolicy ?? 'IfNotPresent') as PullPolicy;
    try {
      await this.runtime.images.ensure(container.image ?? '', policy, await pullSecrets(this.#parts.client, pod));
    } catch (error) {
      if (error instanceof InvalidImage || (error as { readonly reason?: string }).reason === 'ErrImageNeverPull') {
        throw error;
      }
      throw Object.assign(new Error(error instanceof Error ? error.message : String(error)), {
        reason: 'ErrImagePull',
      });
    }
  }

  /** The time of the hook and of the leave-taking is part of the grace. */
  async #stop(step: Step & { do: 'stop' }, podIp: string): Promise<void> {
    const { clock } = this.#parts.env;
    const began = clock.monotonic();
    const hook = step.container.lifecycle?.preStop;
    if (hook && step.graceMs > 0) {
      const enough = new StopSource();
      const cancel = clock.after(step.graceMs, () => enough.stop());
      const late = new Promise<boolean>((resolve) => enough.onStop(() => resolve(false)));
      const asked = this.#hook(hook, { container: step.container, id: step.id, podIp }, enough).catch(() => false);
      await Promise.race([asked, late]);
      cancel();
    }
    // Only a pod that goes is left by its Services; one whose container starts again stays with them.
    if (step.why === 'deleted' && step.graceMs > 0) await this.#parts.departure?.of(this.#uid);
    const left = step.graceMs - (clock.monotonic() - began);
    await this.runtime.stop(step.id, Math.max(left, Math.min(step.graceMs, graceMinMs)));
  }

  async #hook(
    hook: LifecycleHandler,
    { container, id, podIp }: { readonly container: Container; readonly id: string; readonly podIp: string },
    stop: Stop,
  ): Promise<boolean> {
    if (hook.sleep) await sleep(this.#parts.env.clock, hook.sleep.seconds * 1000, stop);
    if (hook.exec) {
      for await (const part of this.runtime.exec(id, hook.exec.command ?? [], { tty: false }, stop)) {
        if ('exitCode' in part) return part.exitCode === 0;
      }
      return false;
    }
    if (!hook.httpGet) return true;
    const duplex = await this.runtime.connect(this.#uid, portOf(hook.httpGet.port, container));
    return (await httpAnswer(duplex, hook.httpGet, { podIp, container })).ok;
  }

  #setting(pod: Pod, podIps: readonly string[]): SpecSetting {
    return { ...this.#parts.setting(pod), podIps, hostIps: this.#parts.hostIps };
  }

  async #report(pod: Pod, facts: PodFacts): Promise<void> {
    let current = pod;
    for (let tries = 0; ; tries++) {
      const host = { ips: this.#parts.hostIps, scheme: this.runtime.name };
      const told = podStatus(podView({ ...facts, pod: current }), host);
      const next = this.#parts.pretends ? pretendedStatus(told, current.status) : told;
      const patch = changes(current.status ?? {}, next);
      if (!patch) return;
      const { uid, resourceVersion } = current.metadata;
      const body: Json = { metadata: { uid, resourceVersion }, status: patch };
      try {
        const key = keyOf(current);
        this.#written = await this.#parts.client.send({
          verb: 'patch',
          kind: pods,
          key,
          patch: body,
          subresource: 'status',
        });
        return;
      } catch (error) {
        if (isApiError(error, 'NotFound')) return;
        if (!isApiError(error, 'Conflict') || tries >= conflictsMax) throw error;
        const fresh = await this.#parts.client.get(pods, keyOf(current)).catch(absent);
        if (fresh?.metadata.uid !== this.#uid) return;
        current = fresh;
      }
    }
  }

  async #delete(pod: Pod): Promise<void> {
    const now = this.#parts.env.clock.monotonic();
    if (this.#deletedAt !== undefined && now - this.#deletedAt < deleteAgainMs) return;
    const key = keyOf(pod);
    await this.#parts.client
      .send({ verb: 'delete', kind: pods, key, uid: this.#uid, graceSeconds: 0 })
      .catch((error: unknown) => {
        if (!isApiError(error, 'NotFound', 'Conflict')) throw error;
      });
    this.#deletedAt = now;
  }
}

const sorted = new WeakMap<RuntimeList, ReadonlyMap<string, readonly ContainerState[]>>();

/** The containers of one pod. All pods of a node are looked for in one list: it is sorted once. */
function ownOf(list: RuntimeList, uid: string): readonly ContainerState[] {
  let byPod = sorted.get(list);
  if (!byPod) {
    const found = new Map<string, ContainerState[]>();
    for (const state of list.containers) {
      const own = found.get(state.sandbox);
      if (own) own.push(state);
      else found.set(state.sandbox, [state]);
    }
    byPod = found;
    sorted.set(list, byPod);
  }
  return byPod.get(uid) ?? [];
}

/** A text that differs whenever the runtime says something else of the pod. */
export function signature(list: RuntimeList, uid: string): string {
  const own = ownOf(list, uid).map(({ id, state }) => `${id} ${state}`);
  return [String(list.sandboxes.some(({ id }) => id === uid)), ...own.sort()].join('\n');
}

function changes(before: PodStatus, after: PodStatus): JsonObject | undefined {
  const patch: Record<string, Json> = {};
  for (const [key, value] of Object.entries(after)) {
    if (!equalJson((before as JsonObject)[key], value)) patch[key] = value as Json;
  }
  return Object.keys(patch).length > 0 ? patch : undefined;
}

function absent(error: unknown): undefined {
  if (!isApiError(error, 'NotFound')) throw error;
  return undefined;
}
