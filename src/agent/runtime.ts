import type { Duplex } from '../api/wire.ts';
import type { Instant, Millis } from '../base/env.ts';
import type { Json } from '../base/json.ts';
import type { Stop } from '../base/stop.ts';

/**
 * A container engine. `list` is the truth and the agent rebuilds itself from it; `events` is only a hint to look
 * sooner. All calls are idempotent by id. Shaped after the Container Runtime Interface, so that an engine that speaks
 * it fits behind the same port.
 */
export interface Runtime {
  /** 'docker' | 'process' | 'worker' | 'sim'; a RuntimeClass handler picks one. */
  readonly name: string;
  /** Containers have a file system of their own, in which files can be mounted anywhere. */
  readonly hasOwnFiles?: boolean;
  readonly mountsRecursively?: boolean;
  /** False where containers use as much as they like, whatever their limits say. */
  readonly enforcesLimits?: boolean;
  /** Whether it can hold containers to profiles of AppArmor. */
  readonly holdsToProfiles?: boolean;
  /** Whether its containers can be without the groups that their image gives their user. */
  readonly leavesOutGroups?: boolean;
  /** `planned` is all that will run inside, so that an engine may fold a single container and its sandbox into one. */
  openSandbox(
    spec: SandboxSpec,
    planned: readonly { readonly name: string }[],
  ): Promise<{ readonly ips: readonly string[] }>;
  closeSandbox(id: string): Promise<void>;
  create(spec: ContainerSpec): Promise<void>;
  start(id: string): Promise<void>;
  stop(id: string, grace: Millis): Promise<void>;
  remove(id: string): Promise<void>;
  update(id: string, resources: Resources): Promise<void>;
  list(): Promise<RuntimeList>;
  /** What `list` says of one sandbox, where the engine can tell that without looking at all others. */
  listOf?(sandbox: string): Promise<RuntimeList>;
  events(stop: Stop): AsyncIterable<{ readonly id: string }>;
  logs(id: string, options: LogOptions, stop: Stop): AsyncIterable<Uint8Array>;
  exec(id: string, command: readonly string[], io: ExecIo, stop: Stop): AsyncIterable<ExecPart>;
  /** Joins the container's own input and output, from now on. Where it is missing, output comes from the log. */
  attach?(id: string, io: ExecIo, stop: Stop): AsyncIterable<ExecPart>;
  /** A port inside a sandbox: port-forward, proxy, probes. `stop` cuts the connection, also one that is still tried. */
  connect(sandbox: string, port: number, stop?: Stop): Promise<Duplex>;
  usage(): Promise<readonly Usage[]>;
  /**
   * Ends the containers of a sandbox after so long unless it is said again before, and starts none after that: by a
   * clock that goes on where the agent has died. Missing where an engine has none.
   */
  holdFor?(sandbox: string, ms: Millis): Promise<void>;
  readonly images: Images;
}

export interface Images {
  /** `pulls` is told where it has to come from elsewhere first. */
  ensure(
    reference: string,
    policy: PullPolicy,
    secrets: readonly Json[],
    pulls?: PullListener,
  ): Promise<{ readonly id: string }>;
  /** Puts the files of an image that is there into a folder. Without it images are not made of files. */
  unpack?(reference: string, folder: string): Promise<void>;
  list(): Promise<
    readonly {
      readonly id: string;
      readonly names: readonly string[];
      readonly bytes: number;
    }[]
  >;
  remove(id: string): Promise<void>;
  /** Those that came here for this node's pods, by id, and may go when nobody uses them. Others are the user's. */
  own?(): Promise<readonly string[]>;
}

/** Called without words when a pull begins, and then, if it takes long, with how far it has come. */
export type PullListener = (progress?: string) => void;

export type PullPolicy = 'Always' | 'IfNotPresent' | 'Never';

export interface SandboxSpec {
  readonly id: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly hostname: string;
  readonly hostNetwork: boolean;
  readonly dns: {
    readonly servers: readonly string[];
    readonly searches: readonly string[];
    readonly options: readonly string[];
  };
  readonly ports: readonly {
    readonly container: number;
    readonly host?: number;
    readonly hostIp?: string;
    readonly protocol: 'TCP' | 'UDP';
  }[];
  readonly sysctls: Readonly<Record<string, string>>;
  /** Further lines of /etc/hosts. */
  readonly hosts?: readonly { readonly ip: string; readonly names: readonly string[] }[];
  /** The containers see each other's processes. */
  readonly shareProcesses?: boolean;
  readonly hostPid?: boolean;
  readonly hostIpc?: boolean;
}

export interface Mount {
  /** The volume's name in the pod, for runtimes that show a volume by name instead of mounting it. */
  readonly name?: string;
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
  /** `HostToContainer` or `Bidirectional`: mounts made later on one side are seen on the other. */
  readonly propagation?: string;
  /** What is mounted below is not written either: as far as that can be had, or not without it. */
  readonly recursive?: 'IfPossible' | 'Enabled';
}

export interface Resources {
  readonly cpuMillis?: number;
  readonly cpuRequestMillis?: number;
  readonly memoryBytes?: number;
}

export interface ContainerSpec {
  readonly id: string;
  readonly sandbox: string;
  readonly name: string;
  readonly attempt: number;
  readonly image: string;
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly workingDir?: string;
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly mounts: readonly Mount[];
  readonly resources: Resources;
  readonly security: Readonly<Record<string, Json>>;
  readonly tty: boolean;
  readonly stdin: boolean;
  /** The input ends with the first client that was attached to it. */
  readonly stdinOnce?: boolean;
  /** The name of the container whose processes this one sees, for looking into it. */
  readonly target?: string;
  /** Instead of the image's own. */
  readonly stopSignal?: string;
}

export interface ContainerState {
  readonly id: string;
  readonly sandbox: string;
  readonly attempt: number;
  readonly state: 'created' | 'running' | 'exited';
  readonly exitCode?: number;
  readonly reason?: string;
  readonly startedAt?: Instant;
  readonly finishedAt?: Instant;
  readonly imageId?: string;
  /** What it said when it ended, or why it could not begin. */
  readonly message?: string;
  /** What a container that runs may use, where the engine tells; as `appliedResources` has it. */
  readonly applied?: Applied;
  /** Whom its first process began as, where that can be told. */
  readonly user?: ContainerUser;
}

export interface ContainerUser {
  readonly uid: number;
  readonly gid: number;
  /** All that it is in besides; the first one may be named again. */
  readonly groups: readonly number[];
}

/** Limits as a kernel holds them. */
export interface Applied {
  readonly cpuShares: number;
  readonly cpuQuotaMicros?: number;
  readonly memoryBytes?: number;
}

export interface RuntimeList {
  readonly sandboxes: readonly {
    readonly id: string;
    readonly ips: readonly string[];
  }[];
  readonly containers: readonly ContainerState[];
}

export interface Usage {
  readonly id: string;
  readonly cpuNanosTotal: number;
  readonly memoryBytes: number;
  /** How many run in it, where the engine tells. */
  readonly processes?: number;
}

export interface LogOptions {
  readonly follow: boolean;
  readonly tail?: number;
  readonly since?: Instant;
  readonly timestamps: boolean;
}

export interface ExecIo {
  readonly tty: boolean;
  readonly stdin?: AsyncIterable<Uint8Array>;
  readonly resize?: AsyncIterable<{
    readonly rows: number;
    readonly columns: number;
  }>;
}

export type ExecPart =
  | { readonly from: 'stdout' | 'stderr'; readonly bytes: Uint8Array }
  | { readonly exitCode: number };

/**
 * The name of an image cannot be run by this runtime, whatever is tried: reported as waiting with reason
 * InvalidImageName, and never run as something else.
 */
export class InvalidImage extends Error {
  readonly reason = 'InvalidImageName';
  constructor(message: string) {
    super(message);
    this.name = 'InvalidImage';
  }
}
