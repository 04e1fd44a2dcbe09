import type { Command } from '../cli/command.ts';
import { addSigningKey, retireSigningKeys } from '../host/signing-keys.ts';
import { keysFolder, rotationFlags, tellCluster } from './rotation.ts';

export const rotateSigningKey: Command<typeof rotationFlags> = {
  name: 'rotate-signing-key',
  summary: 'Sign tokens of ServiceAccounts by a new key; with --retire, believe the earlier ones no longer',
  usage: '[flags]',
  flags: rotationFlags,
  async run(context) {
    const folder = keysFolder(context);
    if (context.values.retire) {
      const count = retireSigningKeys(folder);
      if (count === 0) {
        context.io.out('there is no earlier key to retire\n');
        return 0;
      }
      context.io.out(`retired ${count} keys: tokens that they signed are refused\n`);
    } else {
      addSigningKey(folder);
      context.io.out('made a new key; tokens of earlier ones stay good until mini-k8s rotate-signing-key --retire\n');
    }
    await tellCluster(context);
    return 0;
  },
};
