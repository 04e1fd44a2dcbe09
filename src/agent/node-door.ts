import type { Pod } from '../api/kinds/pod.ts';
import type { Key } from '../api/object.ts';
import type { Duplex } from '../api/wire.ts';
import type { Stop } from '../base/stop.ts';
import type { Signals } from './eviction.ts';
import type { ExecIo, ExecPart, LogOptions, Usage } from './runtime.ts';

export interface PodLogOptions extends LogOptions {
  /** The attempt before the current one. */
  readonly previous?: boolean;
}

/** How the API server reaches into a node: what kubectl logs, exec, attach and port-forward come down to. */
export interface NodeDoor {
  /** Without a container's name: the only one, or the first. Throws ApiError('BadRequest') with upstream's sentence. */
  logs(pod: Key, container: string | undefined, options: PodLogOptions, stop: Stop): Promise<AsyncIterable<Uint8Array>>;
  exec(pod: Key, call: ExecCall, io: ExecIo, stop: Stop): Promise<AsyncIterable<ExecPart>>;
  /** Joins what the container's own command says and hears, from now on. */
  attach(pod: Key, container: string | undefined, io: ExecIo, stop: Stop): Promise<AsyncIterable<ExecPart>>;
  connect(pod: Key, port: number): Promise<Duplex>;
  /** The pods of the node. */
  pods(): readonly Pod[];
  usage(): Promise<readonly Usage[]>;
  /** What the whole machine uses and has left, where it can be known. */
  machine?(): Promise<MachineFigures | undefined>;
}
export interface MachineFigures {
  readonly cpus: number;
  readonly cpuNanosTotal: number;
  readonly signals: Signals;
}
export interface ExecCall {
  readonly container?: string;
  readonly command: readonly string[];
}
