import { clusterFlags, defineCommand, namespaceFlags } from './command.ts';
import { defineFlags, UsageError } from './flags.ts';
import { forwardTarget } from './forward-target.ts';
import { forward, untilStopped } from './forwarder.ts';

const flags = defineFlags({
  address: {
    type: 'text',
    default: '127.0.0.1',
    value: 'ADDRESS',
    help: 'where connections are taken on this machine',
  },
  ...namespaceFlags,
  ...clusterFlags,
});

export const portForward = defineCommand({
  name: 'port-forward',
  summary: 'Reach ports of pods or Services from this machine, also after the pods were replaced',
  usage: 'POD | TYPE/NAME [LOCAL:]REMOTE... [flags]',
  flags,
  async run(context) {
    const { rest, values, io } = context;
    const [word, ...words] = rest;
    if (!word || words.length === 0) {
      throw new UsageError('port-forward needs a target and a port: mini-k8s port-forward service/web 8080:80');
    }
    const ports = words.map(portsOf);
    const client = await context.client();
    const target = await forwardTarget(client, await context.namespace(), word);
    for (const { local, remote } of ports) {
      const place = { host: values.address, port: local };
      const { port } = await forward(context, client, { target, port: remote, place });
      io.out(`Forwarding from ${values.address}:${port} -> ${remote}\n`);
    }
    await untilStopped(context);
    return 0;
  },
});

/** `8080:80`, `:80` takes any local port, `80` the same one; the remote one may be a name. */
function portsOf(word: string): { readonly local: number; readonly remote: string } {
  const found = /^(?:(\d{0,5})(:))?([a-z0-9-]{1,63})$/.exec(word);
  const [, before = '', colon, remote = ''] = found ?? [];
  const isNumber = /^\d+$/.test(remote);
  const local = colon ? Number(before || 0) : isNumber ? Number(remote) : 0;
  const wrong = !found || local > 65_535 || (isNumber && (Number(remote) < 1 || Number(remote) > 65_535));
  if (wrong) throw new UsageError(`${JSON.stringify(word)} is no port: it must be REMOTE, LOCAL:REMOTE or :REMOTE`);
  return { local, remote };
}
