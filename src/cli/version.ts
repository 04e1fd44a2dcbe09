import { jsonOf } from '../client/client.ts';
import { clusterFlags, defineCommand } from './command.ts';
import { defineFlags } from './flags.ts';

export const version = defineCommand({
  name: 'version',
  summary: 'Versions of this package and of the server',
  usage: '[--client] [flags]',
  flags: defineFlags({ client: { type: 'switch', help: 'this package alone' }, ...clusterFlags }),
  async run({ io, values, client, version: own }) {
    io.out(`Client Version: v${own}\n`);
    if (values.client) return 0;
    const response = await (await client()).request({ method: 'GET', path: '/version' });
    const { gitVersion } = (await jsonOf(response)) as { readonly gitVersion: string };
    io.out(`Server Version: ${gitVersion}\n`);
    return 0;
  },
});
