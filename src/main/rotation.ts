import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { isApiError } from '../api/error.ts';
import { type CommandContext, CommandFailure, clusterFlags } from '../cli/command.ts';
import { defineFlags, UsageError } from '../cli/flags.ts';
import { keysPath } from '../server/server.ts';
import { dataFolder, inMemory, pkiFolder } from './settings.ts';

export const rotationFlags = defineFlags({
  ...clusterFlags,
  retire: { type: 'switch', help: 'make nothing new: believe only the newest from now on' },
});
export type RotationContext = CommandContext<typeof rotationFlags>;

/** The folder of the keys, of a cluster that was started before. */
export function keysFolder({ values, rest }: RotationContext): string {
  if (rest.length > 0) throw new UsageError(`${rest[0]}: this command takes flags only`);
  const folder = dataFolder({ 'data-dir': values['data-dir'], name: values.name ?? 'default' });
  if (folder === inMemory) throw new UsageError('--data-dir :memory: keeps nothing: its keys go with the cluster');
  const keys = join(folder, pkiFolder);
  if (!existsSync(join(keys, 'ca.key')))
    throw new CommandFailure(`no cluster was started in ${folder}: start it with mini-k8s up`);
  return keys;
}

/** The keys on the disk have changed: a cluster that runs uses them at once. */
export async function tellCluster(context: RotationContext): Promise<void> {
  const { io, values } = context;
  try {
    const client = await context.client();
    await client.request({ method: 'POST', path: keysPath, stop: context.stop });
    io.out('the cluster uses it from now on\n');
  } catch (error) {
    const isDown = isApiError(error, 'ServiceUnavailable') || (error instanceof CommandFailure && !values.kubeconfig);
    if (!isDown) throw error;
    io.out('the cluster does not run: it uses it from its next start on\n');
  }
}
