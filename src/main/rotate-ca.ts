import type { Instant } from '../base/env.ts';
import type { Command } from '../cli/command.ts';
import { retireEarlierAuthorities, rotateAuthorities } from '../host/x509/pki.ts';
import { keysFolder, rotationFlags, tellCluster } from './rotation.ts';

export const rotateCa: Command<typeof rotationFlags> = {
  name: 'rotate-ca',
  summary: 'Sign certificates by new authorities; with --retire, believe the earlier ones no longer',
  usage: '[flags]',
  flags: rotationFlags,
  async run(context) {
    const folder = keysFolder(context);
    if (context.values.retire) {
      const count = retireEarlierAuthorities(folder);
      if (count === 0) {
        context.io.out('there is no earlier authority to retire\n');
        return 0;
      }
      context.io.out(`retired ${count} authorities: whoever has only their certificates has to be given new ones\n`);
    } else {
      rotateAuthorities(folder, Date.now() as Instant);
      context.io.out('made new authorities; the earlier ones stay believed until mini-k8s rotate-ca --retire\n');
    }
    await tellCluster(context);
    return 0;
  },
};
