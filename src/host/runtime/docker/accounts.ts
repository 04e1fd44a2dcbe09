import { buffer } from 'node:stream/consumers';
import { type EngineClient, isEngineError } from './engine-client.ts';
import { firstFile } from './tar.ts';

/** Whom an image knows, as its own files have it. */
export interface Accounts {
  /** /etc/passwd and /etc/group; empty where an image has none. */
  readonly people: string;
  readonly groups: string;
}
/** Whose rights a program has. */
export interface Identity {
  readonly uid: number;
  readonly gid: number;
  /** Further groups that the image gives this user. */
  readonly groups: readonly number[];
}

const remembered = 64;

/** Reads them of images, each image once: of a container that is never started, as engines of every age can. */
export class ImageAccounts {
  readonly #client: EngineClient;
  readonly #known = new Map<string, Promise<Accounts>>();

  constructor(client: EngineClient) {
    this.#client = client;
  }

  of(imageId: string): Promise<Accounts> {
    const known = this.#known.get(imageId);
    if (known) return known;
    if (this.#known.size >= remembered) this.#known.clear();
    const read = this.#read(imageId);
    this.#known.set(imageId, read);
    read.catch(() => this.#known.delete(imageId));
    return read;
  }

  async #read(image: string): Promise<Accounts> {
    const body = { Image: image, Cmd: ['none'], NetworkDisabled: true };
    const { Id: id } = await this.#client.json<{ readonly Id: string }>('POST', '/containers/create', { body });
    try {
      const [people, groups] = await Promise.all([this.#file(id, '/etc/passwd'), this.#file(id, '/etc/group')]);
      return { people, groups };
    } finally {
      await this.#client.json('DELETE', `/containers/${id}`, { query: { force: true, v: true } });
    }
  }

  async #file(id: string, path: string): Promise<string> {
    try {
      const archive = await this.#client.stream('GET', `/containers/${id}/archive`, { query: { path } });
      return firstFile(await buffer(archive)).toString('utf8');
    } catch (error) {
      if (isEngineError(error, 404)) return '';
      throw error;
    }
  }
}

/** Who `user[:group]` is, each a name or a number. Throws where a name is nobody's. */
export function identityOf(text: string, { people, groups }: Accounts): Identity {
  const [user = '', group] = text.split(':');
  const wanted = user || '0';
  const found = linesOf(people).find(([name, , uid]) => name === wanted || uid === wanted);
  const uid = Number(found?.[2] ?? wanted);
  if (!Number.isInteger(uid)) throw new Error(`unable to find user ${user}: no matching entries in passwd file`);
  return { uid, gid: groupOf(group, groups) ?? Number(found?.[3] ?? 0), groups: groupsOf(found?.[0], groups) };
}

function groupOf(text: string | undefined, groups: string): number | undefined {
  if (!text) return undefined;
  const found = linesOf(groups).find(([name, , gid]) => name === text || gid === text);
  const gid = Number(found?.[2] ?? text);
  if (!Number.isInteger(gid)) throw new Error(`unable to find group ${text}: no matching entries in group file`);
  return gid;
}

function groupsOf(name: string | undefined, groups: string): readonly number[] {
  if (name === undefined) return [];
  const own = linesOf(groups).filter(([, , , members = '']) => members.split(',').includes(name));
  return own.map(([, , gid]) => Number(gid)).filter(Number.isInteger);
}

const linesOf = (text: string): readonly (readonly string[])[] =>
  text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.trim().split(':'));
