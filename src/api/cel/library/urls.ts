import { decodeText, encodeText } from '../../../base/json.ts';
import { CelError } from '../cel-error.ts';
import type { Functions } from '../environment.ts';
import * as types from '../type.ts';
import { Opaque, type Result, ValueMap } from '../value.ts';
import { byTraversal, method, plain } from './declare.ts';

export const urlType = { kind: 'opaque', name: 'kubernetes.URL' } as const;

interface Parts {
  readonly scheme: string;
  readonly host: string;
  readonly path: string;
  readonly query: string;
}

class Url extends Opaque {
  readonly typeName = urlType.name;
  readonly parts: Parts;
  constructor(parts: Parts) {
    super();
    this.parts = parts;
  }
  equals(other: Opaque): boolean {
    const { parts } = other as Url;
    return (['scheme', 'host', 'path', 'query'] as const).every((part) => parts[part] === this.parts[part]);
  }
}

const schemeForm = /^([a-zA-Z][a-zA-Z0-9+.-]*):/;
const hostForm = /^(?:\[[0-9a-fA-F:.%]+\]|[^[\]:/?#@\s"<>\\^`{}|]*)(?::\d*)?$/;
const control = /[\x00-\x1f\x7f]/;

/** An absolute URL or an absolute path, as a request line may hold it. */
function partsOf(text: string): Parts | undefined {
  if (text === '' || control.test(text)) return undefined;
  const scheme = schemeForm.exec(text)?.[1] ?? '';
  let rest = scheme ? text.slice(scheme.length + 1) : text;
  const question = rest.indexOf('?');
  const query = question < 0 ? '' : rest.slice(question + 1);
  if (question >= 0) rest = rest.slice(0, question);
  if (!rest.startsWith('/')) return scheme ? { scheme: scheme.toLowerCase(), host: '', path: '', query } : undefined;
  let host = '';
  if (scheme && rest.startsWith('//')) {
    const end = rest.indexOf('/', 2);
    host = rest.slice(2, end < 0 ? undefined : end).replace(/^.*@/, '');
    rest = end < 0 ? '' : rest.slice(end);
    if (!hostForm.test(host)) return undefined;
  }
  return /%(?![0-9a-fA-F]{2})/.test(rest) ? undefined : { scheme: scheme.toLowerCase(), host, path: rest, query };
}

export const isUrl = (text: string): boolean => partsOf(text) !== undefined;

function toUrl(text: string): Result {
  const parts = partsOf(text);
  if (parts) return new Url(parts);
  const why = `parse ${JSON.stringify(text)}: invalid URI for request`;
  return new CelError(`URL parse error during conversion from string: ${why}`);
}

const plainPath = /[A-Za-z0-9\-_.~$&+,/:;=@!'()*%[\]]/;
const escapedPath = (path: string): string =>
  [...path].map((char) => (plainPath.test(char) ? char : percent(char))).join('');
const percent = (char: string): string =>
  [...encodeText(char)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');

function queryMap(query: string): ValueMap {
  const lists = new Map<string, string[]>();
  for (const pair of query.split('&')) {
    if (pair === '' || pair.includes(';')) continue;
    const at = pair.indexOf('=');
    const key = unescaped(at < 0 ? pair : pair.slice(0, at));
    const value = unescaped(at < 0 ? '' : pair.slice(at + 1));
    if (key === undefined || value === undefined) continue;
    lists.set(key, [...(lists.get(key) ?? []), value]);
  }
  const map = new ValueMap();
  for (const [key, values] of lists) map.add(key, values);
  return map;
}

function unescaped(text: string): string | undefined {
  if (/%(?![0-9a-fA-F]{2})/.test(text)) return undefined;
  const spaced = text.replaceAll('+', ' ');
  if (!spaced.includes('%')) return spaced;
  const bytes: number[] = [];
  for (let at = 0; at < spaced.length; at++) {
    if (spaced[at] === '%') {
      bytes.push(Number.parseInt(spaced.slice(at + 1, at + 3), 16));
      at += 2;
    } else bytes.push(...encodeText(spaced[at] as string));
  }
  try {
    return decodeText(Uint8Array.from(bytes));
  } catch {
    return undefined;
  }
}

const part = (id: string, read: (parts: Parts) => string) =>
  method(id, [urlType], types.string, ({ parts }: Url) => read(parts));

export const urls: Functions = {
  url: [
    plain('string_to_url', [types.string], urlType, [toUrl, byTraversal()]),
    plain('url_to_url', [urlType], urlType, (url: Url) => url),
  ],
  isURL: [plain('is_url_string', [types.string], types.bool, [isUrl, byTraversal()])],
  getScheme: [part('url_get_scheme', ({ scheme }) => scheme)],
  getHost: [part('url_get_host', ({ host }) => host)],
  getHostname: [part('url_get_hostname', ({ host }) => host.replace(/:\d*$/, '').replace(/^\[(.*)\]$/, '$1'))],
  getPort: [part('url_get_port', ({ host }) => /:(\d*)$/.exec(host)?.[1] ?? '')],
  getEscapedPath: [part('url_get_escaped_path', ({ path }) => escapedPath(path))],
  getQuery: [
    method('url_get_query', [urlType], types.mapOf(types.string, types.listOf(types.string)), ({ parts }: Url) =>
      queryMap(parts.query),
    ),
  ],
};
