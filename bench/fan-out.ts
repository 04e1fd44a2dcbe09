/** How many events a second many watchers of the same are told, and how late. */
import { fork } from 'node:child_process';
import { connect } from 'node:tls';
import { type Measured, type ServerUser, tokenOf } from './measured-server.ts';

export const watchersCount = 500;
export const watchedWrites = 200;
const watchedMaps = '/api/v1/namespaces/kube-public/configmaps';

interface FanOut {
  readonly eventsPerSecond: number;
  readonly lagMsP50: number;
  readonly lagMsP99: number;
  readonly microsecondsPerEvent: number;
}

if (process.send) process.on('message', (watched: Watched) => void watchAll(watched));

/**
 * Watchers are a process of their own, each with a connection, and do nothing but count lines; the lag is from the
 * moment of the write to the moment of the event.
 */
export async function fanOut(server: Measured, user: ServerUser, writers: number): Promise<FanOut> {
  const child = fork(import.meta.filename, [], { stdio: 'inherit' });
  const told = (what: string) =>
    new Promise<{ readonly lags: readonly number[] }>((resolve) => {
      child.on('message', (message: { readonly what: string; readonly lags: readonly number[] }) => {
        if (message.what === what) resolve(message);
      });
    });
  const open = told('open');
  const done = told('done');
  const { body } = await user.send('GET', `${watchedMaps}?limit=1`);
  // From now on: what was there before would count as late.
  const { resourceVersion } = JSON.parse(body.toString()).metadata;
  child.send({ url: server.url.href, since: resourceVersion } satisfies Watched);
  await open;
  const begun = performance.now();
  const worked = server.processorMicroseconds();
  await user.sendAll(watchedWrites, writers, (n) => {
    const metadata = { name: `seen-${writers}-${n}`, annotations: { at: String(Date.now()) } };
    return user.send('POST', watchedMaps, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata,
      data: { k: 'v'.repeat(100) },
    });
  });
  const { lags } = await done;
  const events = watchersCount * watchedWrites;
  child.kill();
  return {
    eventsPerSecond: Math.round((events / (performance.now() - begun)) * 1_000),
    lagMsP50: part(lags, 0.5),
    lagMsP99: part(lags, 0.99),
    microsecondsPerEvent: Number(((server.processorMicroseconds() - worked) / events).toFixed(2)),
  };
}

interface Watched {
  readonly url: string;
  readonly since: string;
}

function watchAll({ url, since }: Watched): void {
  const { hostname, port } = new URL(url);
  const lags: number[] = [];
  let opened = 0;
  let events = 0;
  const query = `watch=1&resourceVersion=${since}&fieldSelector=metadata.name%21%3Dnone`;
  const head = [`GET ${watchedMaps}?${query} HTTP/1.1`];
  head.push('Host: bench', `Authorization: Bearer ${tokenOf('bench')}`, '', '');
  for (let n = 0; n < watchersCount; n++) {
    const socket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false }, () =>
      socket.write(head.join('\r\n')),
    );
    let isOpen = false;
    socket.on('data', (bytes: Buffer) => {
      // Nothing is written until all are open.
      if (!isOpen && ++opened === watchersCount) setTimeout(begin, 1_000);
      isOpen = true;
      const lines = count(bytes, '}}\n');
      if (lines === 0) return;
      events += lines;
      const at = bytes.lastIndexOf('"at":"');
      if (at >= 0 && at + 19 <= bytes.length) lags.push(Date.now() - Number(bytes.toString('latin1', at + 6, at + 19)));
      if (events < watchersCount * watchedWrites) return;
      process.send?.({ what: 'done', lags: lags.sort((a, b) => a - b) });
    });
  }
  const begin = () => {
    events = lags.length = 0;
    process.send?.({ what: 'open', lags });
  };
}

function count(bytes: Buffer, text: string): number {
  let found = 0;
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + text.length)) found++;
  return found;
}

const part = (sorted: readonly number[], share: number) => sorted[Math.floor((sorted.length - 1) * share)] ?? 0;
