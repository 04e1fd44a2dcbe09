import type { Container, Pod } from '../api/kinds/pod.ts';
import { decodeText } from '../base/json.ts';
import { never } from '../base/stop.ts';
import { parseContainerId } from './pod-view.ts';
import type { ContainerState, Mount, Runtime } from './runtime.ts';
import type { VolumeHost } from './volumes.ts';

const fileBytesMax = 4_096;
const logBytesMax = 2_048;
const logLinesMax = 80;
const usualPath = '/dev/termination-log';
const everybodyWrites = 0o666;

/** What containers leave in a file of theirs when they end, or, where they ask for it, the end of their log. */
export class TerminationMessages {
  readonly #runtime: Runtime;
  readonly #host: VolumeHost;
  readonly #pod: string;
  /** By the container's id. */
  readonly #known = new Map<string, string>();

  constructor(runtime: Runtime, host: VolumeHost, pod: string) {
    this.#runtime = runtime;
    this.#host = host;
    this.#pod = pod;
  }

  /** A file of its own for each attempt, where the container looks for it. */
  async mount({ name, terminationMessagePath: path }: Container, attempt: number): Promise<Mount> {
    const source = await this.#host.file(this.#pod, fileName(name, attempt), { text: '', mode: everybodyWrites });
    return { name: 'termination-log', source, target: path || usualPath, readOnly: false };
  }

  /** Whether somebody has ended who was not asked yet. */
  lacks(states: readonly ContainerState[]): boolean {
    return states.some(({ id, state }) => state === 'exited' && !this.#known.has(id));
  }

  async read(pod: Pod, states: readonly ContainerState[]): Promise<void> {
    for (const state of states.filter((one) => this.lacks([one]))) {
      this.#known.set(state.id, await this.#read(pod, state).catch(() => ''));
    }
  }

  /** The state with what its container said. */
  told(state: ContainerState): ContainerState {
    const message = this.#known.get(state.id);
    return message ? { ...state, message } : state;
  }

  async #read(pod: Pod, state: ContainerState): Promise<string> {
    return (await this.#readNow(pod, state)) || toldBefore(pod, state.id);
  }

  async #readNow({ spec }: Pod, state: ContainerState): Promise<string> {
    const { name } = parseContainerId(state.id);
    const all: readonly Container[] = [
      ...spec.containers,
      ...(spec.initContainers ?? []),
      ...(spec.ephemeralContainers ?? []),
    ];
    const text = await this.#host.textOf(this.#pod, fileName(name, state.attempt), fileBytesMax);
    const policy = all.find((container) => container.name === name)?.terminationMessagePolicy;
    const wantsLog = policy === 'FallbackToLogsOnError' && state.exitCode !== 0;
    return text === '' && wantsLog ? this.#endOfLog(state.id) : text;
  }

  async #endOfLog(id: string): Promise<string> {
    const decoder = new TextDecoder();
    let text = '';
    const options = { follow: false, timestamps: false, tail: logLinesMax };
    for await (const bytes of this.#runtime.logs(id, options, never)) text += decoder.decode(bytes, { stream: true });
    return decodeText(new TextEncoder().encode(text).slice(-logBytesMax));
  }
}

const fileName = (container: string, attempt: number): string => `end-of-${container}-${attempt}`;

/** Once a pod is over its files go, and its status remembers. */
function toldBefore({ status }: Pod, id: string): string {
  const all = [
    ...(status?.containerStatuses ?? []),
    ...(status?.initContainerStatuses ?? []),
    ...(status?.ephemeralContainerStatuses ?? []),
  ];
  const ended = all.flatMap(({ state, lastState }) => [state?.terminated ?? [], lastState?.terminated ?? []].flat());
  return ended.find(({ containerID }) => containerID?.endsWith(`//${id}`))?.message ?? '';
}
