import { existsSync } from 'node:fs';
import { nft, transact } from './nft.ts';

/** What all our tables are called, each with a number of its cluster. */
export const tablePrefix = 'mini-k8s-';

/**
 * Takes tables away whose cluster was killed and never started again: their rules would go on leading to pods that are
 * no more. Answers their names. A table that does not say whose it is is nobody's business.
 */
export async function removeOrphans(own: string): Promise<readonly string[]> {
  const names = [...(await nft(['list', 'tables'])).matchAll(/^table inet (\S+)$/gm)].map(([, name = '']) => name);
  const orphans: string[] = [];
  for (const name of names) {
    if (!name.startsWith(tablePrefix) || name === own) continue;
    const shown = await nft(['list', 'set', 'inet', name, 'owner']).catch(() => '');
    const owner = /elements = \{ (\S+) \}/.exec(shown)?.[1];
    // A number that somebody else has by now keeps a table: rather that than to harm a cluster that lives.
    if (owner !== undefined && !existsSync(`/proc/${Number(owner)}`)) orphans.push(name);
  }
  for (const name of orphans) await transact(`delete table inet ${name}\n`);
  return orphans;
}
