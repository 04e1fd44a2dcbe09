import type { Component } from '../base/env.ts';
import { StopSource } from '../base/stop.ts';
import type { Command, CommandContext } from '../cli/command.ts';
import type { Flags } from '../cli/flags.ts';
import { Client } from '../client/client.ts';
import { type HostEnv, hostEnv } from '../host/env.ts';
import { httpTransport } from '../host/http/client.ts';
import { servePart } from '../host/http/part-server.ts';
import { readKubeconfig } from '../host/kubeconfig-file.ts';
import { Caches } from '../machinery/caches.ts';
import { untilSignal } from './foreground.ts';
import { addressOf, type partFlags } from './settings.ts';
import { supervise } from './supervise.ts';

/** A part of the cluster as a process of its own: its caches, its components, until a signal. */
export function part<F extends Flags & typeof partFlags>(
  name: string,
  summary: string,
  flags: F,
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
      const client = new Client(httpTransport(readKubeconfig(values.kubeconfig)));
      const caches = new Caches(env, client);
      const endings: (() => void)[] = [];
      const components = await compose({ env, client, caches, atEnd: (run) => void endings.push(run) }, context);
      const stop = new StopSource();
      const running = supervise(env, [...caches.all(), ...components], stop);
      const { port } = await servePart(listen, () => env.metrics.render());
      const metrics = `http://${listen.host}:${port}/metrics`;
      context.io.out(`${JSON.stringify({ ready: true, part: name, pid: process.pid, metrics })}\n`);
      await untilSignal();
      stop.stop();
      await running;
      for (const end of endings) end();
      return 0;
    },
  };
}

export interface Parts {
  readonly env: HostEnv;
  readonly client: Client;
  readonly caches: Caches;
  /** Once all components have ended. */
  atEnd(run: () => void): void;
}
