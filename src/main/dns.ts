import { type Command, CommandFailure, clusterFlags, namespaceFlags } from '../cli/command.ts';
import { defineFlags, UsageError } from '../cli/flags.ts';
import type { DnsFlags } from './dns-names.ts';

const flags = defineFlags({
  ...clusterFlags,
  ...namespaceFlags,
  listen: {
    type: 'text',
    default: '127.0.0.1:10053',
    value: 'ADDRESS:PORT',
    help: 'where `serve` answers, over UDP and TCP; port 0 takes any',
  },
});

const verbs = ['lookup', 'serve', 'run'] as const;

export const dns: Command<typeof flags> = {
  name: 'dns',
  summary: 'Find names of the cluster from here: explain, look one up, serve them, run a command that finds them',
  usage: '[lookup NAME [TYPE] | serve | run [--] [COMMAND...]] [flags]',
  flags,
  async run(context) {
    const { rest, values } = context;
    const [verb, ...words] = rest;
    if (verb !== undefined && !verbs.includes(verb as (typeof verbs)[number]))
      throw new UsageError(`dns ${verb} is nothing to do: it is ${verbs.join(', ')}, or dns alone, which explains`);
    const settings: DnsFlags = { listen: values.listen, words };
    if (verb === 'lookup') return (await import('./dns-names.ts')).lookup(context, settings);
    if (verb === 'serve') return (await import('./dns-names.ts')).serve(context, settings);
    if (verb === 'run') return (await import('./dns-shell.ts')).run(context, words);
    const { explain } = await import('./dns-shell.ts');
    if (words.length > 0) throw new CommandFailure('dns explains without further words');
    return explain(context);
  },
};
