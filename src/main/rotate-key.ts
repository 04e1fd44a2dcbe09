import { join } from 'node:path';
import { type Command, CommandFailure } from '../cli/command.ts';
import { defineFlags, UsageError } from '../cli/flags.ts';
import { machineCrypto } from '../host/crypto.ts';
import { addSealKey, dropOldSealKeys, readSealKeys } from '../host/seal-keys.ts';
import { openSqliteStore } from '../host/store/sqlite.ts';
import { nodeLeaseRenewals } from '../server/node-leases.ts';
import { SealingStore, secretPrefix } from '../server/sealing-store.ts';
import { running } from './pid-file.ts';
import { dataFolder, inMemory, pkiFolder, serverFlags, storeFolder } from './settings.ts';

const flags = defineFlags({ 'data-dir': serverFlags['data-dir'], name: serverFlags.name });

export const rotateKey: Command<typeof flags> = {
  name: 'rotate-key',
  summary: 'Seal all secrets of a cluster that is down with a new key, and forget the old one',
  usage: '[flags]',
  flags,
  async run({ values, io }) {
    const folder = dataFolder(values);
    if (folder === inMemory) throw new UsageError('--data-dir :memory: keeps nothing, so nothing is sealed there');
    const known = running(folder);
    if (known) throw new CommandFailure(`the cluster in ${folder} runs as process ${known.pid}: end it first`);
    const count = await sealedAnew(join(folder, storeFolder), join(folder, pkiFolder));
    io.out(`sealed ${count} secrets in ${folder} with a new key\n`);
    return 0;
  },
};

async function sealedAnew(folder: string, keys: string): Promise<number> {
  // First of all: a store that somebody else has open is not touched, nor are the keys.
  const kept = openSqliteStore(folder, { losable: nodeLeaseRenewals });
  try {
    // Until all are sealed anew both keys are there: whatever interrupts this, it can be run again.
    addSealKey(keys);
    const store = new SealingStore(kept, machineCrypto(readSealKeys(keys)));
    const { entries } = await store.list(secretPrefix);
    for (const { key, modified, value } of entries) await store.commit(key, modified, value);
    // History holds what the old key sealed: nobody will be able to open it.
    await store.compact(store.revision);
    dropOldSealKeys(keys);
    return entries.length;
  } finally {
    await kept.close();
  }
}
