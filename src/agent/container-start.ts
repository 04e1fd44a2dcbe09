import { type Container, isFinished, type Pod } from '../api/kinds/pod.ts';
import type { Clock } from '../base/env.ts';
import { never } from '../base/stop.ts';
import type { Client } from '../client/client.ts';
import { containerSpec, type SpecSetting } from './container-spec.ts';
import type { Hooks } from './hooks.ts';
import { ownFiles } from './own-files.ts';
import type { Step } from './pod-plan.ts';
import type { PodVolumes } from './pod-volumes.ts';
import { pullSecrets } from './pull-secrets.ts';
import { InvalidImage, type Mount, type PullPolicy, type Runtime } from './runtime.ts';
import type { TerminationMessages } from './termination-messages.ts';
import type { VolumeHost } from './volumes.ts';

/** What is left of a pod on this machine, where it has volumes at all. */
export interface StartFolders {
  readonly host: VolumeHost;
  readonly volumes: PodVolumes;
  readonly messages: TerminationMessages;
}
export interface StartParts {
  readonly clock: Clock;
  readonly client: Client;
  readonly runtime: Runtime;
  /** Of the cluster's names. */
  readonly domain: string;
  readonly hooks: Hooks;
  readonly folders?: StartFolders;
  /** The newest that is known of the pod; nothing once it is gone. */
  wanted(): Pod | undefined;
  /** From here on the container cannot be taken back. */
  starting(name: string): void;
  /** Asked before a container is started: throws where its pod may not run now. */
  permit(pod: Pod): Promise<void> | undefined;
  tell(pod: Pod, type: 'Normal' | 'Warning', reason: string, message: string): void;
}
export type RunStep = Step & { readonly do: 'run' };

/** Brings a container of a pod up: its image, what it mounts, itself, and what it does first. */
export class ContainerStart {
  readonly #parts: StartParts;

  constructor(parts: StartParts) {
    this.#parts = parts;
  }

  /** Answers whether it was started; it is not, where the pod has gone meanwhile. */
  async run({ container, attempt }: RunStep, pod: Pod, setting: SpecSetting): Promise<boolean> {
    const { client, runtime, wanted, tell } = this.#parts;
    const { name } = container;
    await this.#pull(pod, container);
    const now = wanted();
    if (!now || now.metadata.deletionTimestamp || isFinished(now)) return false;
    this.#parts.starting(name);
    const spec = await containerSpec(client, pod, { container, attempt }, setting);
    const mounts = await this.#mounts(pod, { container, attempt }, { ...setting, env: spec.env });
    await runtime.create({ ...spec, mounts });
    tell(now, 'Normal', 'Created', `Created container ${name}`);
    await this.#parts.permit(now);
    await runtime.start(spec.id).catch(asStartError);
    tell(now, 'Normal', 'Started', `Started container ${name}`);
    if (runtime.enforcesLimits === false && container.resources?.limits) {
      tell(now, 'Warning', 'LimitsNotEnforced', `Nothing holds container ${name} to its limits: ${unlimitedWhy}`);
    }
    const hook = container.lifecycle?.postStart;
    if (!hook) return true;
    const place = { container, id: spec.id, podIp: setting.podIps[0] ?? '' };
    const failure = await this.#parts.hooks.run(hook, place, never);
    if (failure === undefined) return true;
    tell(now, 'Warning', 'FailedPostStartHook', `PostStartHook failed: ${failure}`);
    tell(now, 'Normal', 'Killing', `FailedPostStartHook`);
    await runtime.stop(spec.id, (pod.spec.terminationGracePeriodSeconds ?? 30) * 1000);
    return true;
  }

  async #mounts(
    pod: Pod,
    { container, attempt }: { readonly container: Container; readonly attempt: number },
    setting: SpecSetting & { readonly env: readonly { readonly name: string; readonly value: string }[] },
  ): Promise<readonly Mount[]> {
    const { folders, runtime, domain } = this.#parts;
    if (!folders) return [];
    const unpack = (plan: { readonly reference: string; readonly policy: PullPolicy }, folder: string) =>
      this.#unpack(pod, plan, folder);
    const mounts = await folders.volumes.mounts(pod, container, { ...setting, unpack });
    const last = await folders.messages.mount(container, attempt);
    if (!runtime.hasOwnFiles) return [...mounts, last];
    const own = { host: folders.host, podIps: setting.podIps, domain };
    return [...mounts, last, ...(await ownFiles(pod, container, own))];
  }

  async #unpack(
    pod: Pod,
    { reference, policy }: { readonly reference: string; readonly policy: PullPolicy },
    folder: string,
  ): Promise<void> {
    const { images } = this.#parts.runtime;
    if (!images.unpack) throw new Error(`image ${reference} cannot be mounted: this runtime has no images of files`);
    await this.#pull(pod, { name: '', image: reference, imagePullPolicy: policy });
    await images.unpack(reference, folder);
  }

  async #pull(pod: Pod, { image = '', imagePullPolicy = 'IfNotPresent' }: Container): Promise<void> {
    const { client, clock, runtime, tell } = this.#parts;
    const began = clock.monotonic();
    let pulling = false;
    try {
      const secrets = await pullSecrets(client, pod);
      await runtime.images.ensure(image, imagePullPolicy as PullPolicy, secrets, (progress) => {
        pulling = true;
        tell(pod, 'Normal', 'Pulling', `Pulling image "${image}"${progress === undefined ? '' : `: ${progress}`}`);
      });
      const took = `${((clock.monotonic() - began) / 1000).toFixed(3)}s`;
      const message = pulling
        ? `Successfully pulled image "${image}" in ${took} (${took} including waiting)`
        : `Container image "${image}" already present on machine and can be accessed by the pod`;
      tell(pod, 'Normal', 'Pulled', message);
    } catch (error) {
      const { reason } = error as { readonly reason?: string };
      const why = error instanceof Error ? error.message : String(error);
      if (error instanceof InvalidImage || reason === 'ErrImageNeverPull') {
        tell(pod, 'Warning', reason === 'ErrImageNeverPull' ? reason : 'InspectFailed', why);
        throw error;
      }
      tell(pod, 'Warning', 'Failed', `Failed to pull image "${image}": ${why}`);
      throw Object.assign(new Error(why, { cause: error }), { reason: 'ErrImagePull' });
    }
  }
}

const unlimitedWhy = 'pods that are processes need root on Linux, with control groups, for that';

/** It is there, and could not begin. */
function asStartError(error: unknown): never {
  const why = error instanceof Error ? error.message : String(error);
  throw Object.assign(new Error(why, { cause: error }), { reason: 'RunContainerError' });
}
