import type { HostPattern, HttpHost, HttpListener, HttpRule, HttpSite, PathMatch, ValueMatch } from './http-table.ts';

/** What a rule may look at. */
export interface HttpQuestion {
  readonly method: string;
  /** Lower case, without a port. */
  readonly host: string;
  /** Without the query, in normal form (see http-path.ts). */
  readonly path: string;
  /** What stands behind the question mark. */
  readonly query: string;
  /** All values of one name, joined by commas; undefined where there is none. */
  header(name: string): string | undefined;
}

/** A listener's rules, made ready to be asked: one look into a map finds the rules of a name. */
export class HttpMatcher {
  readonly #sites: HostTree<HostTree<readonly Prepared[]>>;

  constructor(listener: HttpListener) {
    this.#sites = new HostTree(listener.sites, (site: HttpSite) => {
      return new HostTree(site.hosts, (host: HttpHost) => host.rules.map(prepared));
    });
  }

  find(question: HttpQuestion): HttpRule | undefined {
    // The best site has the name for itself; only sites of the very same pattern are asked one after another.
    for (const hosts of this.#sites.found(question.host)[0] ?? []) {
      for (const lists of hosts.found(question.host)) {
        for (const rules of lists) for (const rule of rules) if (holds(rule, question)) return rule.rule;
      }
    }
    return undefined;
  }
}

/** Names that were asked for lately: whoever asks for others without end makes us forget, and no more. */
const rememberedMax = 1_000;

/** Values under host patterns: the exact name before a star, and a longer star before a shorter one. */
class HostTree<T> {
  readonly #exact = new Map<string, T[]>();
  readonly #stars = new Map<string, { readonly one: T[]; readonly many: T[] }>();
  readonly #any: T[] = [];
  readonly #remembered = new Map<string, readonly (readonly T[])[]>();

  constructor(patterns: readonly HostPattern[], make: (pattern: never) => T) {
    for (const pattern of patterns) this.#listOf(pattern).push(make(pattern as never));
  }

  #listOf({ host, star }: HostPattern): T[] {
    if (host === '') return this.#any;
    if (!host.startsWith('*.')) return entry(this.#exact, host, () => []);
    return entry(this.#stars, host.slice(1), () => ({ one: [] as T[], many: [] as T[] }))[star];
  }

  /** The values of all patterns that fit, those of one pattern together, the best pattern first. */
  found(host: string): readonly (readonly T[])[] {
    const known = this.#remembered.get(host);
    if (known) return known;
    const lists = [...this.#lists(host)].filter((list) => list.length > 0);
    if (this.#remembered.size >= rememberedMax) this.#remembered.clear();
    this.#remembered.set(host, lists);
    return lists;
  }

  *#lists(host: string): Generator<readonly T[]> {
    const exact = this.#exact.get(host);
    if (exact) yield exact;
    // A star needs something to stand for: the first label is never part of what is looked up.
    for (let dot = host.indexOf('.', 1), first = true; dot > 0; dot = host.indexOf('.', dot + 1), first = false) {
      const found = this.#stars.get(host.slice(dot));
      if (found && first) yield found.one;
      if (found) yield found.many;
    }
    yield this.#any;
  }
}

function entry<T>(map: Map<string, T>, key: string, make: () => T): T {
  let found = map.get(key);
  if (found === undefined) map.set(key, (found = make()));
  return found;
}

interface Prepared {
  readonly rule: HttpRule;
  readonly path: (path: string) => boolean;
  readonly headers: readonly PreparedValue[];
  readonly query: readonly PreparedValue[];
}
interface PreparedValue {
  readonly name: string;
  readonly holds: (value: string) => boolean;
}

function prepared(rule: HttpRule): Prepared {
  return {
    rule,
    path: pathTest(rule.path),
    headers: (rule.headers ?? []).map(preparedValue),
    query: (rule.query ?? []).map(preparedValue),
  };
}

function preparedValue({ name, value, test }: ValueMatch): PreparedValue {
  return { name, holds: test ?? ((given) => given === value) };
}

function pathTest({ type, value, test }: PathMatch): (path: string) => boolean {
  if (type === 'Exact') return (path) => path === value;
  if (type === 'Pattern') return test ?? (() => false);
  // Element by element: /a/b matches /a/b and /a/b/c, never /a/bc. A slash at the end says nothing.
  const prefix = value.replace(/\/$/, '');
  if (prefix === '') return () => true;
  return (path) => path.startsWith(prefix) && (path.length === prefix.length || path.charCodeAt(prefix.length) === 47);
}

function holds({ rule, path, headers, query }: Prepared, question: HttpQuestion): boolean {
  if (!path(question.path)) return false;
  if (rule.method !== undefined && rule.method !== question.method) return false;
  for (const { name, holds } of headers) {
    const value = question.header(name);
    if (value === undefined || !holds(value)) return false;
  }
  if (query.length === 0) return true;
  const given = queryValues(question.query);
  return query.every(({ name, holds }) => {
    const value = given.get(name);
    return value !== undefined && holds(value);
  });
}

/** The first value of each name counts. */
function queryValues(query: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const pair of query.split('&')) {
    const equals = pair.indexOf('=');
    const name = decoded(equals < 0 ? pair : pair.slice(0, equals));
    if (!values.has(name)) values.set(name, equals < 0 ? '' : decoded(pair.slice(equals + 1)));
  }
  return values;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}
