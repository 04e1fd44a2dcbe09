import { ApiError } from '../../api/error.ts';
import { dnsLabel, dnsSubdomain } from '../../api/names.ts';
import type { ApiRequest, Caller } from '../../api/wire.ts';
import type { Attributes, ResourceAttributes } from '../attributes.ts';
import { anonymous } from '../attributes.ts';
import { oncePerHeaders } from '../once-per-headers.ts';
import type { Authorization } from './authorization.ts';
import { serviceAccountGroups } from './service-account-tokens.ts';
import { authenticatedGroup } from './tokens.ts';

/** Whom a request wants to be, as its headers say. */
interface Wanted {
  readonly name: string;
  readonly uid: string;
  readonly groups: readonly string[];
  readonly extra: Readonly<Record<string, readonly string[]>>;
}
/** One way of being somebody else, with rights of its own. */
interface Mode {
  readonly name: string;
  /** Whether this way can lead to whom is wanted. */
  fits(wanted: Wanted, caller: Caller): boolean;
  /** Every right that is needed, the first one missing refuses. */
  needs(wanted: Wanted, asked: Attributes): readonly Attributes[];
}

const identityGroup = 'authentication.k8s.io';
const unauthenticatedGroup = 'system:unauthenticated';
const nodePrefix = 'system:node:';
const extraPrefix = 'impersonate-extra-';
const rememberedMax = 1_000;

/** Acting as somebody else: `kubectl --as`. Whoever does it needs a right for each thing that is said. */
export class Impersonation {
  readonly #authorization: Authorization;
  /** What worked last is tried first, and its refusal is the one that is told. */
  readonly #lastMode = new Map<string, Mode>();

  constructor(authorization: Authorization) {
    this.#authorization = authorization;
  }

  /** The caller that the request is served as; undefined where it does not ask to be anybody else. */
  wanted(request: ApiRequest): Wanted | undefined {
    const wanted = wantedOf(request.headers);
    if (!wanted) return undefined;
    if (wanted.name !== '') return wanted;
    throw new ApiError('BadRequest', `requested ${goText(wanted)} without impersonating a user name`);
  }

  async become(wanted: Wanted, asked: Attributes): Promise<Caller> {
    const { caller } = asked;
    const last = this.#lastMode.get(caller.name);
    const ordered = last ? [last, ...modes.filter((mode) => mode !== last)] : modes;
    let refused: unknown;
    for (const mode of ordered) {
      if (!mode.fits(wanted, caller)) continue;
      try {
        for (const need of mode.needs(wanted, asked)) await this.#authorization.require(need);
        this.#remember(caller.name, mode);
        return become(wanted, caller);
      } catch (error) {
        refused ??= error;
      }
    }
    throw refused;
  }

  #remember(name: string, mode: Mode): void {
    if (this.#lastMode.size >= rememberedMax) this.#lastMode.clear();
    this.#lastMode.set(name, mode);
  }
}

/** The old way: the right to impersonate somebody is the right to do anything as them. */
const legacy: Mode = {
  name: 'legacy',
  fits: () => true,
  needs: (wanted, asked) => rights(wanted, { caller: asked.caller, verb: 'impersonate', group: '' }),
};

/** Constrained ways need the right for whom, and the right for what is to be done as them. */
function constrained(
  mode: string,
  fits: Mode['fits'],
  whom: (wanted: Wanted, verb: Place) => readonly Attributes[],
): Mode {
  return {
    name: mode,
    fits,
    needs: (wanted, asked) => [
      { ...asked, verb: `impersonate-on:${mode}:${asked.verb}` },
      ...whom(wanted, { caller: asked.caller, verb: `impersonate:${mode}`, group: identityGroup }),
    ],
  };
}

const isNameOnly = ({ uid, groups, extra }: Wanted) =>
  uid === '' && groups.length === 0 && Object.keys(extra).length === 0;
const nodeOf = ({ name }: Wanted) => (name.startsWith(nodePrefix) ? name.slice(nodePrefix.length) : '');

const modes: readonly Mode[] = [
  constrained(
    'associated-node',
    (wanted, { extra }) =>
      isNameOnly(wanted) &&
      nodeOf(wanted) !== '' &&
      extra['authentication.kubernetes.io/node-name']?.join() === nodeOf(wanted),
    (_wanted, place) => [right(place, 'nodes', '*')],
  ),
  constrained(
    'arbitrary-node',
    (wanted) => isNameOnly(wanted) && nodeOf(wanted) !== '',
    (wanted, place) => [right(place, 'nodes', nodeOf(wanted))],
  ),
  constrained(
    'serviceaccount',
    (wanted) => isNameOnly(wanted) && accountOf(wanted.name) !== undefined,
    (wanted, place) => [accountRight(place, accountOf(wanted.name) as Account)],
  ),
  constrained(
    'user-info',
    (wanted) => nodeOf(wanted) === '' && accountOf(wanted.name) === undefined,
    (wanted, place) => rights(wanted, place),
  ),
  legacy,
];

interface Place {
  readonly caller: Caller;
  readonly verb: string;
  /** Users and groups have no group of their own in the old way. */
  readonly group: string;
}
interface Account {
  readonly namespace: string;
  readonly name: string;
}

function right({ caller, verb, group }: Place, resource: string, name: string): ResourceAttributes {
  return { caller, verb, group, version: 'v1', resource, subresource: '', namespace: '', name };
}
const accountRight = (place: Place, { namespace, name }: Account): ResourceAttributes => ({
  ...right(place, 'serviceaccounts', name),
  namespace,
});

function rights(wanted: Wanted, place: Place): readonly Attributes[] {
  const account = accountOf(wanted.name);
  const needed: ResourceAttributes[] = [account ? accountRight(place, account) : right(place, 'users', wanted.name)];
  for (const group of wanted.groups) needed.push(right(place, 'groups', group));
  const identity = { ...place, group: identityGroup };
  for (const [key, values] of Object.entries(wanted.extra)) {
    for (const value of values) needed.push({ ...right(identity, 'userextras', value), subresource: key });
  }
  if (wanted.uid !== '') needed.push(right(identity, 'uids', wanted.uid));
  return needed;
}

function accountOf(user: string): Account | undefined {
  const [system, kind, namespace, name, ...more] = user.split(':');
  if (system !== 'system' || kind !== 'serviceaccount' || more.length > 0) return undefined;
  if (namespace === undefined || name === undefined) return undefined;
  return dnsLabel(namespace).length === 0 && dnsSubdomain(name).length === 0 ? { namespace, name } : undefined;
}

function become(wanted: Wanted, by: Caller): Caller {
  const account = accountOf(wanted.name);
  const own = wanted.groups.length === 0 && account ? serviceAccountGroups(account.namespace) : wanted.groups;
  const { name, uid, extra } = wanted;
  const groups = withStanding(name, own);
  return { name, groups, extra, ...(uid ? { uid } : {}), by };
}

/** Everybody is authenticated, except who is not. */
function withStanding(name: string, groups: readonly string[]): readonly string[] {
  if (groups.includes(unauthenticatedGroup)) return groups;
  if (name === anonymous.name) return [...groups, unauthenticatedGroup];
  return groups.includes(authenticatedGroup) ? groups : [...groups, authenticatedGroup];
}

const wantedOf = oncePerHeaders((headers): Wanted | undefined => {
  if (!asksToBe(headers)) return undefined;
  const keyed = Object.entries(headers).flatMap(([name, value]) =>
    name.startsWith(extraPrefix) ? [[decodedKey(name.slice(extraPrefix.length)), listed(value)] as const] : [],
  );
  const wanted = {
    name: headers['impersonate-user'] ?? '',
    uid: headers['impersonate-uid'] ?? '',
    groups: listed(headers['impersonate-group']),
    // Made from entries: a key such as __proto__ is a key like any other.
    extra: Object.fromEntries(keyed),
  };
  return wanted.name === '' && isNameOnly(wanted) ? undefined : wanted;
});

/** Hardly anybody does. */
function asksToBe(headers: ApiRequest['headers']): boolean {
  for (const name in headers) if (name.startsWith('impersonate-')) return true;
  return false;
}

/** A header that came several times is one text here, joined as HTTP joins it. */
const listed = (value: string | undefined): readonly string[] =>
  value === undefined || value === '' ? [] : value.split(', ');

function decodedKey(key: string): string {
  try {
    return decodeURIComponent(key).toLowerCase();
  } catch {
    return key.toLowerCase();
  }
}

/** As upstream prints what was asked for. */
function goText({ name, uid, groups, extra }: Wanted): string {
  const list = (values: readonly string[]) =>
    values.length > 0 ? `[]string{${values.map((value) => JSON.stringify(value)).join(', ')}}` : '[]string(nil)';
  const entries = Object.entries(extra).map(([key, values]) => `${JSON.stringify(key)}:${list(values)}`);
  const map = entries.length > 0 ? `map[string][]string{${entries.join(', ')}}` : 'map[string][]string(nil)';
  return `&user.DefaultInfo{Name:${JSON.stringify(name)}, UID:${JSON.stringify(uid)}, Groups:${list(groups)}, Extra:${map}}`;
}
