import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Transport } from '../api/wire.ts';
import type { Component } from '../base/env.ts';
import type { Followed } from '../base/followed.ts';
import { type Stop, StopSource } from '../base/stop.ts';
import type { Command, CommandContext } from '../cli/command.ts';
import type { Flags } from '../cli/flags.ts';
import { Client } from '../client/client.ts';
import { timings } from '../controllers/timing.ts';
import { type HostEnv, hostEnv } from '../host/env.ts';
import { type Access, followedTransport } from '../host/http/client.ts';
import { servePart } from '../host/http/part-server.ts';
import { followKubeconfig } from '../host/kubeconfig-file.ts';
import { Caches } from '../machinery/caches.ts';
import { Leader, type LeaderChoice } from '../machinery/leader.ts';
import { untilSignal } from './foreground.ts';
import { addressOf, type partFlags } from './settings.ts';
import { supervise } from './supervise.ts';

export interface PartFacts<F> {
  readonly name: string;
  readonly summary: string;
  readonly flags: F;
  /** Of many such processes only the one that holds it acts. */
  readonly lease?: string;
}

/** A part of the cluster as a process of its own: its caches, its components, until a signal. */
export function part<F extends Flags & typeof partFlags>(
  { name, summary, flags, lease }: PartFacts<F>,
  compose: (parts: Parts, context: CommandContext<F>) => readonly Component[] | Promise<readonly Component[]>,
): Command<F> {
  return {
    name,
    summary,
    usage: '--kubeconfig FILE [flags]',
    flags,
    async run(context) {
      const values = context.values as CommandContext<typeof partFlags>['values'];
      const listen = addressOf('metrics-listen', values['metrics-listen']);
      const env = hostEnv({ log: { level: values['log-level'], fields: { part: name } } });
      const endings: (() => unknown)[] = [];
      const begin = async (transport: Transport, until: Stop): Promise<{ readonly ended: Promise<void> }> => {
        const client = new Client(transport);
        const caches = new Caches(env, client);
        const atEnd: Parts['atEnd'] = (run) => void endings.push(run);
        const components = await compose({ env, access, client, caches, atEnd }, context);
        return { ended: supervise(env, [...caches.all(), ...components], until) };
      };
      const stop = new StopSource();
      const access = followKubeconfig(env, values.kubeconfig);
      const transport = followedTransport(access);
      const lead = async (fenced: Transport, until: Stop) => (await begin(fenced, until)).ended;
      const running =
        lease !== undefined && isElected(context.values)
          ? supervise(env, [new Leader(env, transport, leaderOf(lease, context.values), lead)], stop)
          : (await begin(transport, stop)).ended;
      const { port } = await servePart(listen, () => env.metrics.render());
      const metrics = `http://${listen.host}:${port}/metrics`;
      context.io.out(`${JSON.stringify({ ready: true, part: name, pid: process.pid, metrics })}\n`);
      await untilSignal();
      stop.stop();
      await running;
      for (const end of endings) await end();
      return 0;
    },
  };
}

export interface Parts {
  readonly env: HostEnv;
  readonly access: Followed<Access>;
  readonly client: Client;
  readonly caches: Caches;
  /** Once all components have ended. */
  atEnd(run: () => unknown): void;
}

const isElected = (values: object): boolean => (values as { 'leader-elect'?: string })['leader-elect'] !== 'false';

function leaderOf(name: string, values: object): LeaderChoice {
  const { timing = 'quick' } = values as { readonly timing?: keyof typeof timings };
  return { name, identity: `${hostname()}_${randomUUID()}`, timing: timings[timing].lease };
}
