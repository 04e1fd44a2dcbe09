import { existsSync } from 'node:fs';
import { type Command, CommandFailure, clusterFlags } from '../cli/command.ts';
import { defineFlags } from '../cli/flags.ts';
import { hostEnv } from '../host/env.ts';
import { servePage } from '../host/http/page-server.ts';
import { untilSignal } from './foreground.ts';
import { addressOf } from './settings.ts';

const flags = defineFlags({
  ...clusterFlags,
  listen: {
    type: 'text',
    default: '127.0.0.1:0',
    value: 'ADDRESS:PORT',
    help: 'where the page is served, on loopback only; port 0 takes any',
  },
});

// The same folder from the sources and from what was compiled of them.
const modules = new URL('../../out/', import.meta.url);

export const dashboard: Command<typeof flags> = {
  name: 'dashboard',
  summary: 'Show the cluster in a browser, live and read-only',
  usage: '[flags]',
  flags,
  async run({ values, io, client }) {
    if (!existsSync(new URL('dashboard/main.js', modules)))
      throw new CommandFailure('the page was not built yet: run npm run build');
    const cluster = await client();
    const listen = addressOf('listen', values.listen);
    const page = await servePage(hostEnv({ log: { level: 'error' } }), {
      listen,
      modules,
      transport: (request) => cluster.request(request),
    });
    const host = listen.host.includes(':') ? `[${listen.host}]` : listen.host;
    io.out(`the dashboard is at http://${host}:${page.port}/ until this command is ended\n`);
    await untilSignal();
    await page.close();
    return 0;
  },
};
