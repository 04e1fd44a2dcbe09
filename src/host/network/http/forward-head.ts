import type { HeaderChange, PathChange, RedirectAction, Rewrite } from '../../../network/http-table.ts';
import { HeaderList } from './header-list.ts';

// They belong to one connection, and say nothing about the next one.
const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'content-length',
]);
// What the proxy itself says, or has done.
const replaced: ReadonlySet<string> = new Set([
  'host',
  'expect',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
  'x-real-ip',
]);

/** One who asks, as far as a backend is to know. */
export interface Asker {
  readonly address: string;
  readonly secure: boolean;
  /** The port that was asked. */
  readonly port: number;
}

/**
 * A request's headers as the next one sees them, without those that tell its length. Kept with what was given: a
 * client's next request mostly has the very same. Whoever changes them changes a copy.
 */
export function forwardedHeaders(given: HeaderList, connection: string, host: string, asker: Asker): HeaderList {
  const { next } = given;
  if (next?.host === host && next.asker === asker) return next.headers;
  const headers = forwardedAnew(given, connection, host, asker);
  given.next = { host, asker, headers };
  return headers;
}

function forwardedAnew(given: HeaderList, connection: string, host: string, asker: Asker): HeaderList {
  const headers = new HeaderList();
  headers.push('host', `Host: ${host}`);
  const { names, lines } = given;
  for (let index = 0; index < names.length; index++) {
    const name = names[index] as string;
    if (hopByHop.has(name) || replaced.has(name) || (connection !== '' && namedIn(connection).has(name))) continue;
    headers.push(name, lines[index] as string);
  }
  const before = names.includes('x-forwarded-for') ? given.get('x-forwarded-for') : undefined;
  const chain = before ? `${before}, ${asker.address}` : asker.address;
  headers.push('x-forwarded-for', `X-Forwarded-For: ${chain}`);
  headers.push('x-forwarded-host', `X-Forwarded-Host: ${host}`);
  headers.push('x-forwarded-port', `X-Forwarded-Port: ${asker.port}`);
  headers.push('x-forwarded-proto', `X-Forwarded-Proto: ${asker.secure ? 'https' : 'http'}`);
  headers.push('x-real-ip', `X-Real-IP: ${asker.address}`);
  return headers;
}

/** An answer's headers as the client sees them, without those that tell its length. */
export function answeredHeaders(given: HeaderList): HeaderList {
  const headers = new HeaderList();
  const { names, lines } = given;
  const connection = names.includes('connection') ? (given.get('connection') as string).toLowerCase() : '';
  for (let index = 0; index < names.length; index++) {
    const name = names[index] as string;
    if (hopByHop.has(name) || (connection !== '' && namedIn(connection).has(name))) continue;
    headers.push(name, lines[index] as string);
  }
  return headers;
}

/** The names in a Connection header. The same few texts come again and again. */
let lastConnection = '';
let lastNames: ReadonlySet<string> = new Set();
function namedIn(connection: string): ReadonlySet<string> {
  if (connection === lastConnection) return lastNames;
  lastConnection = connection;
  lastNames = new Set(connection.split(',').map((name) => name.trim()));
  return lastNames;
}

export function changeHeaders(headers: HeaderList, change: HeaderChange | undefined): void {
  if (!change) return;
  for (const [name, value] of change.set) headers.set(name, value);
  for (const [name, value] of change.add) headers.add(name, value);
  for (const name of change.remove) headers.remove(name);
}

/** A copy of the headers, after one change and another. */
export function changedHeaders(headers: HeaderList, ...changes: readonly (HeaderChange | undefined)[]): HeaderList {
  const copy = headers.copy();
  for (const change of changes) changeHeaders(copy, change);
  return copy;
}

/** The path and query that a backend is asked for. */
export function rewritten(path: string, query: string, prefix: string, rewrite: Rewrite | undefined): string {
  const changed = rewrite?.path ? changedPath(path, prefix, rewrite.path) : path;
  return query === '' ? changed : `${changed}?${query}`;
}

function changedPath(path: string, prefix: string, { replace, value }: PathChange): string {
  if (replace === 'whole') return value || '/';
  const rest = path.slice(prefix.replace(/\/$/, '').length);
  const base = value.replace(/\/$/, '');
  return `${base}${rest === '' ? (base === '' ? '/' : '') : rest}` || '/';
}

interface Asked {
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
  readonly path: string;
  readonly query: string;
}

const usualPorts: Readonly<Record<string, number>> = { http: 80, https: 443 };

export function redirectLocation(action: RedirectAction, asked: Asked, prefix: string): string {
  const scheme = action.scheme ?? (asked.secure ? 'https' : 'http');
  const host = action.hostname ?? asked.host;
  // A scheme that was asked for brings its usual port; otherwise it stays as it was.
  const port = action.port ?? (action.scheme ? usualPorts[action.scheme] : asked.port);
  const shown = port === undefined || port === usualPorts[scheme] ? '' : `:${port}`;
  const change = action.path ? { path: action.path } : undefined;
  return `${scheme}://${host}${shown}${rewritten(asked.path, asked.query, prefix, change)}`;
}
