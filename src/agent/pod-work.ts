import { isApiError } from '../api/error.ts';
import { isFinished, type Pod, pods } from '../api/kinds/pod.ts';
import { keyOf } from '../api/object.ts';
import type { Env, Millis } from '../base/env.ts';
import { StopSource } from '../base/stop.ts';
import type { Client } from '../client/client.ts';
import type { Refusal } from './admission.ts';
import { type SpecSetting, sandboxSpec } from './container-spec.ts';
import { ContainerStart, type RunStep, type StartFolders } from './container-start.ts';
import type { Departure } from './departure.ts';
import { Hooks } from './hooks.ts';
import { type DnsSetting, podDns, unknownNames } from './pod-dns.ts';
import { graceMinMs, planOf, type Step } from './pod-plan.ts';
import {
  type Busy,
  type Ending,
  type PodFacts,
  type PodView,
  type ProbeVerdict,
  podView,
  pullErrorShownMs,
  type StartFailure,
} from './pod-view.ts';
import { PodVolumes, type VolumeParts } from './pod-volumes.ts';
import { pretendedPod, pretendedStatus } from './pretended.ts';
import type { ProbeOutcome, Probes, Secure } from './probes.ts';
import { allocation, type Room } from './resize.ts';
import type { ContainerState, Runtime, RuntimeList } from './runtime.ts';
import { podStatus, refusedStatus } from './status.ts';
import { StatusWriter } from './status-writer.ts';
import { TerminationMessages } from './termination-messages.ts';
import { MountError } from './volumes.ts';

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
  /** For those who are asked over TLS how they are. */
  readonly secure?: Secure;
  /** Without one, a pod is asked to end at once. */
  readonly departure?: Departure;
  /** The newest that the cache knows of the pod; nothing once it is gone. */
  wanted(uid: string): Pod | undefined;
  /** The identity under which the cluster knows the pod; nothing as long as it does not. */
  apiUid(uid: string): string | undefined;
  /** Containers only pretend: see pretended.ts. */
  readonly pretends: boolean;
  setting(pod: Pod): Omit<SpecSetting, 'podIps' | 'hostIps'>;
  /** What the pod shares the node with. */
  room(pod: Pod): Room;
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
  readonly #resizeFailures = new Map<string, StartFailure>();
  readonly #folders: StartFolders | undefined;
  readonly #hooks: Hooks;
  readonly #domain: string;
  readonly #containers: ContainerStart;
  /** By container: of what it was told that it waits. */
  readonly #toldWaits = new Map<string, string>();
  readonly #statuses: StatusWriter;
  #deletedAt: Millis | undefined;
  /** When something of it was first started. */
  #startingAt: Millis | undefined;
  #ending: Ending | undefined;
  #hasLetGo = false;
  #isRefused = false;
  /** What the runtime's list said of this pod when it was last looked at. */
  seen = '';

  constructor(parts: PodWorkParts, uid: string, runtime: Runtime) {
    this.#parts = parts;
    this.#uid = uid;
    this.runtime = runtime;
    const { volumes, env, client, secure } = parts;
    this.#statuses = new StatusWriter(client, uid, () => parts.apiUid(uid));
    this.#domain = parts.dns?.domain ?? 'cluster.local';
    this.#folders = volumes && {
      host: volumes.host,
      volumes: new PodVolumes(env, client, volumes, () => parts.again(uid)),
      messages: new TerminationMessages(runtime, volumes.host, uid),
    };
    this.#hooks = new Hooks({ clock: env.clock, runtime, sandbox: uid, ...(secure ? { secure } : {}) });
    this.#containers = new ContainerStart({
      clock: env.clock,
      client,
      runtime,
      domain: this.#domain,
      hooks: this.#hooks,
      ...(this.#folders ? { folders: this.#folders } : {}),
      wanted: () => parts.wanted(uid),
      starting: (name) => void this.#busy.set(name, { doing: 'starting' }),
      permit: (pod) => parts.permit?.(pod, runtime),
      // Nothing is made or pulled where it is only pretended: its start is told, and no more.
      tell: parts.pretends ? tellStarts(parts.tell) : parts.tell,
    });
  }

  /** Whether something of it ran when it was last looked at. */
  get runs(): boolean {
    return this.seen.includes(' running');
  }

  get idle(): boolean {
    return this.#busy.size === 0;
  }

  judge({ id, kind, ok, decided, message }: ProbeOutcome, pod: Pod | undefined): void {
    if (decided) {
      const before = this.#verdicts.get(id) ?? {};
      const verdict =
        kind === 'readiness' ? { ready: ok } : kind === 'startup' && ok ? { started: true } : { live: ok };
      this.#verdicts.set(id, { ...before, ...verdict });
    }
    if (ok || !pod) return;
    const title = `${kind.slice(0, 1).toUpperCase()}${kind.slice(1)}`;
    this.#parts.tell(pod, 'Warning', 'Unhealthy', `${title} probe failed: ${message}`);
  }

  /** The node can keep it no longer: it ends, for good, and says why. Answers whether that is new. */
  evict(ending: Ending): boolean {
    if (this.#ending) return false;
    this.#ending = ending;
    this.#parts.again(this.#uid);
    return true;
  }

  /** The node does not take it: it has failed before anything of it was made. */
  async refuse(cached: Pod, refusal: Refusal): Promise<void> {
    const newest = this.#newest(cached);
    if (isFinished(newest)) return;
    if (!this.#isRefused) {
      this.#isRefused = true;
      this.#parts.env.metrics.count('kubelet_admission_rejections_total', { reason: refusal.reason });
      this.#parts.tell(newest, 'Warning', refusal.reason, refusal.message);
    }
    await this.#statuses.write(newest, (current) => refusedStatus(current, refusal, this.#parts.env.clock.now()));
  }

  /** One look: the status as it is now, and the next steps. Answers when to look again. */
  async look(cached: Pod, list: RuntimeList): Promise<Millis | undefined> {
    const newest = this.#newest(cached);
    const messages = this.#folders?.messages;
    if (messages?.lacks(ownOf(list, this.#uid))) {
      await messages.read(newest, ownOf(list, this.#uid));
      // Meanwhile things went on, and what the runtime said is old.
      this.#parts.again(this.#uid);
      return undefined;
    }
    const facts = this.#facts(newest, list);
    const { pod } = facts;
    const view = podView(facts);
    const plan = planOf(view, facts);
    this.seen = signature(list, this.#uid);
    const { secure } = this.#parts;
    const podIps = view.sandbox?.ips ?? [];
    this.#parts.probes.set(
      this.#uid,
      plan.probes.map((probe) => ({
        ...probe,
        runtime: this.runtime,
        sandbox: this.#uid,
        podIp: podIps[0] ?? '',
        ...(secure ? { secure } : {}),
      })),
    );
    for (const step of plan.steps) this.#begin(step, pod, podIps);
    this.#tellWaits(view);
    this.#folders?.volumes.keepTrue(pod, this.#setting(pod, podIps));
    const early = this.#tooEarly(pod, view.failedInit);
    if (early === undefined && !hasNeverRun(newest, facts)) await this.#report(pod, facts);
    await this.#finish(plan.steps, pod);
    if (isFinished(newest) && !runsAny(view)) await this.#letGo();
    const times = [this.#folders?.volumes.dueMs, plan.again, early].filter((time) => time !== undefined);
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
    await this.#folders?.volumes.release(this.#uid);
    return true;
  }

  /** What a pod that is over has filled is given back; its containers stay, for who wants to read their logs. */
  async #letGo(): Promise<void> {
    if (this.#hasLetGo) return;
    this.#hasLetGo = true;
    await this.#folders?.volumes.release(this.#uid);
  }

  #newest(cached: Pod): Pod {
    const newest = this.#statuses.newest(cached);
    return this.#parts.pretends ? pretendedPod(newest) : newest;
  }

  #facts(newest: Pod, list: RuntimeList): PodFacts {
    const { pod, pending } = allocation(newest, () => this.#parts.room(newest));
    const sandbox = list.sandboxes.find(({ id }) => id === this.#uid);
    return {
      pod,
      now: this.#parts.env.clock.now(),
      ...(sandbox ? { sandbox } : {}),
      ...(pending ? { pending } : {}),
      ...(this.#ending ? { ending: this.#ending } : {}),
      containers: ownOf(list, this.#uid).map((state) => this.#folders?.messages.told(state) ?? state),
      verdicts: this.#verdicts,
      failures: this.#failures,
      resizeFailures: this.#resizeFailures,
      streaks: this.#streaks,
      busy: new Map(this.#busy),
    };
  }

  /** Once for each attempt that has to wait before it is made again, and for each image that is asked for again. */
  #tellWaits({ pod, now, inits, mains }: PodView): void {
    const { name, namespace, uid } = pod.metadata;
    for (const { container, latest, restart, busy, failure } of [...inits, ...mains]) {
      const tell = (what: string, type: 'Normal' | 'Warning', message: string) => {
        if (this.#toldWaits.get(container.name) === what) return;
        this.#toldWaits.set(container.name, what);
        this.#parts.tell(pod, type, 'BackOff', message);
      };
      if (busy) continue;
      if (failure?.reason === 'ErrImagePull' && now - failure.at >= pullErrorShownMs) {
        tell(`pull ${failure.count}`, 'Normal', `Back-off pulling image "${container.image ?? ''}"`);
      } else if (latest && restart && restart.at > now) {
        const which = `${container.name} in pod ${name}_${namespace}(${uid})`;
        tell(`restart ${latest.attempt}`, 'Warning', `Back-off restarting failed container ${which}`);
      }
    }
  }

  /** Steps that take long go on beside the look; when one ends, the pod is looked at again. */
  #begin(step: Step, pod: Pod, podIps: readonly string[]): void {
    if (step.do === 'open-sandbox') this.#occupy('', { doing: 'starting' }, () => this.#open(pod));
    else if (step.do === 'run') {
      this.#occupy(step.container.name, { doing: 'pulling' }, () => this.#start(step, pod, podIps));
    } else if (step.do === 'stop') {
      const busy: Busy = { doing: 'stopping', graceMs: step.graceMs };
      this.#parts.tell(pod, 'Normal', 'Killing', killingMessage(step));
      this.#occupy(step.container.name, busy, () => this.#stop(step, podIps[0] ?? ''));
    } else if (step.do === 'resize') {
      this.#occupy(step.container.name, { doing: 'resizing' }, () => this.#resize(step));
    }
  }

  async #finish(steps: readonly Step[], pod: Pod): Promise<void> {
    for (const step of steps) {
      if (step.do === 'remove') await this.runtime.remove(step.id);
      else if (step.do === 'close-sandbox') {
        await this.runtime.closeSandbox(this.#uid);
        await this.#folders?.volumes.release(this.#uid);
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
    if (doing === 'stopping' || doing === 'resizing') return;
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
    } else {
      const isOfImage = /Image/.test(reason);
      this.#parts.tell(pod, 'Warning', 'Failed', `Error: ${isOfImage ? reason : message}`);
    }
  }

  async #open(pod: Pod): Promise<void> {
    const planned = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
    const dns = this.#parts.dns ? podDns(pod, this.#parts.dns) : unknownNames;
    for (const [reason, message] of dns.warnings) this.#parts.tell(pod, 'Warning', reason, message);
    await this.runtime.openSandbox(sandboxSpec(pod, dns.file, this.#domain), planned);
    this.#parts.env.metrics.count('kubelet_started_pods_total');
    for (const container of pod.spec.containers) {
      if (this.#failures.get(container.name)?.reason === 'CreatePodSandboxError') this.#failures.delete(container.name);
    }
  }

  async #start(step: RunStep, pod: Pod, podIps: readonly string[]): Promise<void> {
    const { name } = step.container;
    if (!(await this.#containers.run(step, pod, this.#setting(pod, podIps)))) return;
    this.#failures.delete(name);
    this.#parts.env.metrics.count('kubelet_started_containers_total');
    if (step.attempt > 0) this.#parts.env.metrics.count('kube_pod_container_status_restarts_total');
    if (step.streakFrom !== undefined) this.#streaks.set(name, step.streakFrom);
  }

  async #resize({ container, id, to }: Step & { do: 'resize' }): Promise<void> {
    const { name } = container;
    try {
      await this.runtime.update(id, to);
      this.#resizeFailures.delete(name);
    } catch (error) {
      const count = (this.#resizeFailures.get(name)?.count ?? 0) + 1;
      const message = error instanceof Error ? error.message : String(error);
      this.#resizeFailures.set(name, { reason: 'Error', message, at: this.#parts.env.clock.now(), count });
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
      const late = new Promise<undefined>((resolve) => enough.onStop(() => resolve(undefined)));
      const asked = this.#hooks.run(hook, { container: step.container, id: step.id, podIp }, enough);
      const failure = await Promise.race([asked, late]);
      cancel();
      const pod = this.#parts.wanted(this.#uid);
      if (failure && pod) this.#parts.tell(pod, 'Warning', 'FailedPreStopHook', `PreStopHook failed: ${failure}`);
    }
    // Only a pod that goes is left by its Services; one whose container starts again stays with them.
    if (step.why === 'deleted' && step.graceMs > 0) await this.#parts.departure?.of(this.#uid);
    const left = step.graceMs - (clock.monotonic() - began);
    await this.runtime.stop(step.id, Math.max(left, Math.min(step.graceMs, graceMinMs)));
  }

  #setting(pod: Pod, podIps: readonly string[]): SpecSetting {
    const folders = this.#folders;
    const files = folders
      ? { fileIn: (volume: string, path: string) => folders.volumes.fileIn(pod, volume, path) }
      : {};
    return { ...this.#parts.setting(pod), podIps, hostIps: this.#parts.hostIps, ...files };
  }

  async #report(pod: Pod, facts: PodFacts): Promise<void> {
    const { name: scheme, mountsRecursively = false } = this.runtime;
    const host = { ips: this.#parts.hostIps, scheme, mountsRecursively };
    await this.#statuses.write(pod, (current) => {
      const { pod: allocated } = allocation(current, () => this.#parts.room(current));
      const told = podStatus(podView({ ...facts, pod: allocated }), host);
      return this.#parts.pretends ? pretendedStatus(told, current.status) : told;
    });
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

/** It was refused, or given up by somebody else: there are no containers to tell of. */
const hasNeverRun = (pod: Pod, { containers }: PodFacts): boolean =>
  isFinished(pod) && pod.status?.containerStatuses === undefined && containers.length === 0;

const runsAny = ({ inits, mains, ephemerals }: PodView): boolean =>
  [...inits, ...mains, ...ephemerals].some(({ latest, busy }) => latest?.state === 'running' || busy !== undefined);

const tellStarts =
  (tell: PodWorkParts['tell']): PodWorkParts['tell'] =>
  (pod, type, reason, message) => {
    if (type !== 'Normal' || reason === 'Started') tell(pod, type, reason, message);
  };

function killingMessage({ container: { name }, why, by }: Step & { do: 'stop' }): string {
  if (why === 'unhealthy') return `Container ${name} failed ${by} probe, will be restarted`;
  return why === 'resized' ? `Container ${name} resize requires restart` : `Stopping container ${name}`;
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

/** The signature of a pod of which the runtime has nothing. */
export const nothingOfIt = 'false';

/** A text that differs whenever the runtime says something else of the pod. */
export function signature(list: RuntimeList, uid: string): string {
  const own = ownOf(list, uid).map(
    ({ id, state, reason = '', applied }) => `${id} ${state} ${reason} ${appliedText(applied)}`,
  );
  return [String(list.sandboxes.some(({ id }) => id === uid)), ...own.sort()].join('\n');
}

const appliedText = (applied: ContainerState['applied']): string =>
  applied ? [applied.cpuShares, applied.cpuQuotaMicros, applied.memoryBytes].join(' ') : '';
