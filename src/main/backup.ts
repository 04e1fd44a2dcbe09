import { createWriteStream, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { errorOf } from '../api/error.ts';
import type { ApiResponse } from '../api/wire.ts';
import { decodeText } from '../base/json.ts';
import { type Command, type CommandContext, clusterFlags } from '../cli/command.ts';
import { defineFlags, UsageError } from '../cli/flags.ts';
import { backupPath } from '../server/backup.ts';
import { dataFolder, pkiFolder } from './settings.ts';

const flags = defineFlags(clusterFlags);

/** A file of the data folder that has to come along, as a line of the backup. */
export interface FileLine {
  readonly file: string;
  readonly text: string;
}

export const backup: Command<typeof flags> = {
  name: 'backup',
  summary: 'Save the state and keys of a running cluster in one file',
  usage: 'FILE [flags]',
  flags,
  async run(context) {
    const { io, rest, stop } = context;
    const [file] = rest;
    if (!file || rest.length > 1) throw new UsageError('backup takes one word, the file: mini-k8s backup FILE');
    const client = await context.client();
    const response = await client.request({ method: 'GET', path: backupPath, query: [], stop });
    const stream = streamOf(response);
    const keys = keyLines(context);
    const draft = `${resolve(file)}.${process.pid}.tmp`;
    try {
      await pipeline(
        async function* () {
          for (const line of keys) yield `${JSON.stringify(line)}\n`;
          yield* stream;
        },
        // Every secret of the cluster is in it.
        createWriteStream(draft, { flags: 'wx', mode: 0o600, flush: true }),
      );
      renameSync(draft, file);
    } finally {
      rmSync(draft, { force: true });
    }
    if (keys.length === 0)
      io.error('the keys of the cluster are not in it: only a cluster of this machine gives them\n');
    io.out(`saved ${file}\n`);
    return 0;
  },
};

function streamOf(response: ApiResponse): AsyncIterable<Uint8Array> {
  if ('stream' in response) return response.stream;
  const text = 'body' in response && 'bytes' in response.body ? decodeText(response.body.bytes) : 'null';
  throw errorOf(JSON.parse(text), response.status);
}

/** Without them a restored cluster would be another one to everybody who has a kubeconfig or a token. */
function keyLines({ values }: CommandContext<typeof flags>): readonly FileLine[] {
  if (values.kubeconfig && !values['data-dir'] && !values.name) return [];
  const folder = join(dataFolder({ 'data-dir': values['data-dir'], name: values.name ?? 'default' }), pkiFolder);
  return readdirSync(folder)
    .sort()
    .map((name) => ({ file: join(pkiFolder, name), text: readFileSync(join(folder, name), 'utf8') }));
}
