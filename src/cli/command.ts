import type { KubeObject } from '../api/object.ts';
import type { Duplex } from '../api/wire.ts';
import type { Clock } from '../base/env.ts';
import type { Stop } from '../base/stop.ts';
import type { Client } from '../client/client.ts';
import { defineFlags, type Environment, type Flags, type Values } from './flags.ts';

/** One command: its flags are declared, its work is one function that answers the exit code. */
export interface Command<F extends Flags = Flags> {
  readonly name: string;
  readonly summary: string;
  /** What follows the name, such as `NAME N [flags]`. */
  readonly usage: string;
  readonly flags: F;
  run(context: CommandContext<F>): Promise<number>;
}

export interface CommandContext<F extends Flags = Flags> extends World {
  readonly values: Values<F>;
  readonly rest: readonly string[];
  /** The client of the cluster that the flags name. */
  client(): Promise<Client>;
  /** The namespace that the flags or the kubeconfig name. */
  namespace(): Promise<string>;
}

/** Where a command finds its cluster. */
export interface Connected {
  readonly client: Client;
  /** The namespace that the kubeconfig names; `default` when it names none. */
  readonly namespace: string;
}
export interface Where {
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  /** The data folder of a cluster of this machine. */
  readonly dataDir: string | undefined;
  readonly name: string | undefined;
}

/** Everything that a command has of its machine. Main implements it; tests make one of nothing. */
export interface World {
  readonly io: Io;
  readonly clock: Clock;
  readonly environment: Environment;
  /** Ends watches and followed logs: an interrupt. */
  readonly stop: Stop;
  /** Of this package, such as 0.1.0. */
  readonly version: string;
  connect(where: Where): Promise<Connected>;
  /** Lets connections in on this machine; answers the port, where any was asked for. */
  listen(place: LocalPlace, accept: (peer: Duplex) => void): Promise<LocalListener>;
  /** Shows a page to whoever sits here; false where there is no way to. */
  browse(url: string): Promise<boolean>;
}
export interface LocalPlace {
  readonly host: string;
  /** 0 takes any. */
  readonly port: number;
}
export interface LocalListener {
  readonly port: number;
  /** Nobody new; who is connected stays. */
  close(): void;
}
export interface Io {
  out(text: string): void;
  error(text: string): void;
  /** A file's text, or the paths inside a folder. */
  read(path: string): Promise<{ readonly text: string } | { readonly folder: readonly string[] }>;
  stdin(): Promise<string>;
}

/** What could not be done, told in one or more lines without a stack; the exit code is 1. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
}

/** The flags of every command that speaks to a cluster. */
export const clusterFlags = defineFlags({
  kubeconfig: {
    type: 'text',
    value: 'FILE',
    help: 'how to reach the cluster; otherwise the cluster of --data-dir or --name is asked',
    environment: ['KUBECONFIG'],
  },
  context: { type: 'text', value: 'NAME', help: 'which context of the kubeconfig' },
  'data-dir': { type: 'text', value: 'DIR', help: 'the data folder of a cluster of this machine' },
  name: { type: 'text', value: 'NAME', help: 'the name of a cluster of this machine' },
});
export const namespaceFlags = defineFlags({
  namespace: { type: 'text', short: 'n', value: 'NAME', help: 'the namespace to work in' },
});

/** Keeps the flags' types inside, and lets commands of all flags stand in one table. */
export function defineCommand<const F extends Flags>(command: Command<F>): Command {
  return command as unknown as Command;
}

/** What the commands read of objects of any kind. */
export type Loose = KubeObject<Readonly<Record<string, unknown>>, Readonly<Record<string, unknown>>>;
