import { services } from '../api/kinds/service.ts';
import { CommandFailure, clusterFlags, defineCommand, namespaceFlags } from './command.ts';
import { defineFlags, UsageError } from './flags.ts';
import { serviceTarget } from './forward-target.ts';
import { forward, untilStopped } from './forwarder.ts';

const flags = defineFlags({
  port: { type: 'text', value: 'PORT', help: 'which port of the Service, by number or name; otherwise the first' },
  local: { type: 'number', default: 0, least: 0, most: 65_535, help: 'the port on this machine; 0 takes any' },
  'no-browser': { type: 'switch', help: 'only say where it is' },
  ...namespaceFlags,
  ...clusterFlags,
});

export const open = defineCommand({
  name: 'open',
  summary: 'Show a Service in the browser',
  usage: 'SERVICE [flags]',
  flags,
  async run(context) {
    const { rest, values, io } = context;
    const name = rest[0]?.replace(/^(svc|services?)\//, '');
    if (!name || rest.length > 1) throw new UsageError('open needs one Service: mini-k8s open SERVICE');
    const client = await context.client();
    const key = { namespace: await context.namespace(), name };
    const { spec } = await client.get(services, key);
    const ports = (spec.ports ?? []).filter(({ protocol }) => (protocol ?? 'TCP') === 'TCP');
    const wanted = values.port;
    const chosen = wanted ? ports.find((port) => String(port.port) === wanted || port.name === wanted) : ports[0];
    if (!chosen) {
      const known = ports.map((port) => port.name ?? port.port).join(', ') || 'no TCP port';
      throw new CommandFailure(`error: service/${name} has no TCP port ${wanted ?? ''}: it has ${known}`);
    }
    const target = await serviceTarget(client, key);
    const place = { host: '127.0.0.1', port: values.local };
    const { port } = await forward(context, client, { target, port: String(chosen.port), place });
    const secure = chosen.port === 443 || /^https\b/.test(chosen.appProtocol ?? chosen.name ?? '');
    const url = `${secure ? 'https' : 'http'}://127.0.0.1:${port}/`;
    io.out(`service/${name} is at ${url} until this command is ended\n`);
    if (!values['no-browser'] && !(await context.browse(url))) {
      io.error('no browser could be started: open the address yourself\n');
    }
    await untilStopped(context);
    return 0;
  },
});
