import type { Json, JsonObject } from '../../../base/json.ts';

/** What an engine is given to be let in at a registry. */
export interface Credentials {
  readonly username?: string;
  readonly password?: string;
  readonly identitytoken?: string;
  readonly serveraddress: string;
}

/** Docker's own registry goes by several names. */
const hubNames: readonly string[] = ['docker.io', 'index.docker.io', 'registry-1.docker.io'];

interface Entry extends Partial<Credentials> {
  readonly auth?: string;
}

/** What the pull secrets of a pod say about this image, the longest match first. */
export function credentialsFor(registry: string, reference: string, secrets: readonly Json[]): readonly Credentials[] {
  const found: { readonly place: string; readonly credentials: Credentials }[] = [];
  for (const [place, entry] of secrets.flatMap(entriesOf)) {
    if (!fits(place, registry, reference)) continue;
    const [username, ...rest] = entry.auth ? Buffer.from(entry.auth, 'base64').toString('utf8').split(':') : [];
    const user = entry.username ?? username;
    const password = entry.password ?? (entry.auth ? rest.join(':') : undefined);
    const credentials: Credentials = {
      serveraddress: registry,
      ...(user === undefined ? {} : { username: user }),
      ...(password === undefined ? {} : { password }),
      ...(entry.identitytoken ? { identitytoken: entry.identitytoken } : {}),
    };
    found.push({ place, credentials });
  }
  return found.sort((a, b) => b.place.length - a.place.length).map(({ credentials }) => credentials);
}

/** With the padding that `base64url` leaves out: older engines take it for no login without. */
export const encodeCredentials = (credentials: Credentials): string =>
  Buffer.from(JSON.stringify(credentials)).toString('base64').replaceAll('+', '-').replaceAll('/', '_');

/** Both forms of a Secret that holds logins: the file of today's clients, and the one before it. */
function entriesOf(secret: Json): readonly (readonly [string, Entry])[] {
  const data = (secret as { readonly data?: Readonly<Record<string, string>> }).data ?? {};
  const today = data['.dockerconfigjson'];
  const before = data['.dockercfg'];
  try {
    const file = today ? (parsed(today)['auths'] as JsonObject | undefined) : before ? parsed(before) : undefined;
    return Object.entries(file ?? {}) as unknown as readonly (readonly [string, Entry])[];
  } catch {
    return [];
  }
}

const parsed = (text: string): JsonObject => JSON.parse(Buffer.from(text, 'base64').toString('utf8')) as JsonObject;

/** `https://host/v1/`, `host`, `host/path`, `*.host`. */
function fits(place: string, registry: string, reference: string): boolean {
  const bare = place.replace(/^https?:\/\//, '').replace(/\/(v1|v2)?\/?$/, '');
  const [host = '', ...path] = bare.split('/');
  if (hubNames.includes(host)) return hubNames.includes(registry);
  const labels = host.split('.');
  const own = registry.split('.');
  const same = labels.length === own.length && labels.every((word, index) => word === '*' || word === own[index]);
  return same && (path.length === 0 || reference.slice(registry.length + 1).startsWith(path.join('/')));
}
