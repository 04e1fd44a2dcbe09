import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, CommandFailure } from '../cli/command.ts';
import { defineFlags, UsageError } from '../cli/flags.ts';
import { machineCrypto } from '../host/crypto.ts';
import { writePrivateFile } from '../host/private-file.ts';
import { restoreSqliteStore } from '../host/store/sqlite-restore.ts';
import { type Backup, readBackup } from '../server/backup.ts';
import type { FileLine } from './backup.ts';
import { dataFolder, inMemory, pkiFolder, serverFlags, storeFolder } from './settings.ts';

const flags = defineFlags({ 'data-dir': serverFlags['data-dir'], name: serverFlags.name });
const keyFile = new RegExp(`^${pkiFolder}/[a-z0-9.-]+$`);

export const restore: Command<typeof flags> = {
  name: 'restore',
  summary: 'Make the data folder of a new cluster from a backup',
  usage: 'FILE [flags]',
  flags,
  async run({ values, rest, io }) {
    const [file] = rest;
    if (!file || rest.length > 1) throw new UsageError('restore takes one word, the file: mini-k8s restore FILE');
    const folder = dataFolder(values);
    if (folder === inMemory) throw new UsageError('--data-dir :memory: keeps nothing, so nothing is restored into it');
    const { keys, backup } = contentOf(file);
    try {
      restoreSqliteStore(join(folder, storeFolder), backup);
    } catch (error) {
      throw new CommandFailure(`cannot restore ${file}: ${(error as Error).message}`);
    }
    for (const key of keys) writePrivateFile(join(folder, key.file), key.text);
    io.out(`restored ${backup.entries.length} objects into ${folder}: start it with mini-k8s up\n`);
    return 0;
  },
};

function contentOf(file: string): { readonly keys: readonly FileLine[]; readonly backup: Backup } {
  try {
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    const first = lines.findIndex((line) => !line.startsWith('{"file":'));
    const keys = lines.slice(0, Math.max(0, first)).map((line) => JSON.parse(line) as FileLine);
    const strange = keys.find((key) => !keyFile.test(key.file));
    if (strange) throw new Error(`${JSON.stringify(strange.file)} is no file of a backup`);
    return { keys, backup: readBackup(lines.slice(Math.max(0, first)), machineCrypto()) };
  } catch (error) {
    throw new CommandFailure(`${file} is no backup that can be used: ${(error as Error).message}`);
  }
}
