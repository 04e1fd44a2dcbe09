import { isApiError } from '../api/error.ts';
import { forkEnv } from '../base/env.ts';
import { StopSource } from '../base/stop.ts';
import { CommandFailure, type Io } from '../cli/command.ts';
import { UsageError } from '../cli/flags.ts';
import type { Client } from '../client/client.ts';
import { hostEnv } from '../host/env.ts';
import { type Answering, DnsServer } from '../host/network/dns-server.ts';
import { Caches } from '../machinery/caches.ts';
import {
  codes,
  decodeMessage,
  encodeMessage,
  internetClass,
  type Message,
  recordTypes,
} from '../network/dns-message.ts';
import { recordText, reverseName } from '../network/dns-text.ts';
import { clusterDomain, nameCaches } from './cluster-dns.ts';
import { answering } from './dns-answering.ts';
import { untilSignal } from './foreground.ts';
import { addressOf } from './settings.ts';

export interface DnsFlags {
  readonly listen: string;
  readonly words: readonly string[];
}
export interface DnsContext {
  readonly io: Io;
  client(): Promise<Client>;
  namespace(): Promise<string>;
}

const knownWithinMs = 10_000;
const usage = 'mini-k8s dns lookup NAME [TYPE]';
const codeNames: Readonly<Record<number, string>> = {
  [codes.noSuchName]: 'no such name',
  [codes.failure]: 'nobody could tell',
  [codes.refused]: 'refused',
};

/** Asks as a pod of the namespace would: short names are looked for in the cluster first. */
export async function lookup(context: DnsContext, { words }: DnsFlags): Promise<number> {
  const [name, type, more] = words;
  if (name === undefined || more !== undefined) throw new UsageError(`lookup needs one name: ${usage}`);
  const types = typesOf(type, name);
  const { answers, end } = await namesOf(await context.client());
  try {
    let best = '';
    for (const candidate of candidates(name, await context.namespace())) {
      const found = await Promise.all(types.map((one) => ask(answers, candidate, one)));
      const records = found.flatMap((message) => message.answers);
      // Two types are asked for a name: what both go by is told once.
      for (const line of new Set(records.map(recordText))) context.io.out(`${line}\n`);
      if (records.length > 0) return 0;
      const code = found[0]?.code ?? codes.failure;
      const why = code === codes.ok ? `no record of type ${type ?? 'A or AAAA'}` : codeNames[code];
      // That a name has no such record says more than that another does not exist.
      if (best === '' || code !== codes.noSuchName) best = `${candidate}: ${why}`;
    }
    throw new CommandFailure(best);
  } finally {
    end();
  }
}

export async function serve(context: DnsContext, { listen, words }: DnsFlags): Promise<number> {
  if (words.length > 0) throw new UsageError(`dns serve takes no further words, and ${words[0]} is one`);
  const place = addressOf('listen', listen);
  const { answers, end } = await namesOf(await context.client());
  const server = new DnsServer(
    async () => answers,
    (error) => context.io.error(`a query failed: ${String(error)}\n`),
  );
  const bound = await server.listen(place).catch((error: unknown) => {
    end();
    throw new CommandFailure(`cannot answer at ${listen}: ${error instanceof Error ? error.message : String(error)}`);
  });
  context.io.out(
    `names of the cluster are answered at ${bound.host}:${bound.port} until this command is ended, for example\n` +
      `  dig @${bound.host} -p ${bound.port} kubernetes.default.svc.${clusterDomain}\n`,
  );
  await untilSignal();
  end();
  await server.close();
  return 0;
}

/** The names as any API server tells them, once all are known. */
async function namesOf(client: Client): Promise<{ readonly answers: Answering; readonly end: () => void }> {
  const env = hostEnv({ log: { level: 'error' } });
  const caches = new Caches(forkEnv(env, 'dns'), client);
  const names = nameCaches(caches);
  // One question first: who may not read them is told so, instead of waiting.
  await client.list(names.namespaces.kind).catch((error: unknown) => {
    throw isApiError(error) ? new CommandFailure(`the names cannot be read: ${error.message}`) : error;
  });
  const stop = new StopSource();
  const all = caches.all();
  const synced = new Promise<void>((resolve, reject) => {
    const late = env.clock.after(knownWithinMs, () =>
      reject(new CommandFailure('the cluster does not tell its names')),
    );
    const look = () => {
      if (!all.every((cache) => cache.synced)) return;
      late();
      resolve();
    };
    for (const cache of all) cache.onProgress(look);
  });
  for (const cache of all) void cache.run(stop);
  await synced;
  return { answers: answering({ env, names, own: () => [] }), end: () => stop.stop() };
}

async function ask(answers: Answering, name: string, type: number): Promise<Message> {
  const questions = [{ name, type, class: internetClass }];
  const query = encodeMessage({ ...empty, questions });
  const answer = await answers.respond(query, 'tcp');
  if (!answer) throw new CommandFailure(`${name} was not answered`);
  return decodeMessage(answer);
}

const empty: Message = {
  id: 1,
  isAnswer: false,
  operation: 0,
  authoritative: false,
  truncated: false,
  recursionWanted: true,
  recursionOffered: false,
  code: codes.ok,
  questions: [],
  answers: [],
  authority: [],
  additional: [],
};

function typesOf(type: string | undefined, name: string): readonly number[] {
  if (type === undefined) return reverseName(name) ? [recordTypes.PTR] : [recordTypes.A, recordTypes.AAAA];
  const known = recordTypes as Readonly<Record<string, number>>;
  const number = known[type.toUpperCase()];
  if (number !== undefined) return [number];
  throw new UsageError(`${type} is no type of record that is known: ${Object.keys(recordTypes).join(', ')}`);
}

/** As a pod's resolver file says it: names with few dots are looked for in the cluster first. */
function candidates(given: string, namespace: string): readonly string[] {
  const reverse = reverseName(given);
  if (reverse) return [reverse];
  const name = given.replace(/\.$/, '');
  if (given.endsWith('.') || name.endsWith(`.${clusterDomain}`) || name === clusterDomain) return [name];
  const suffixes = [`${namespace}.svc.${clusterDomain}`, `svc.${clusterDomain}`, clusterDomain];
  return [...suffixes.map((suffix) => `${name}.${suffix}`), name];
}
