import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Images, InvalidImage, type PullListener, type PullPolicy } from '../../../agent/runtime.ts';
import type { Json } from '../../../base/json.ts';
import { type Credentials, credentialsFor, encodeCredentials } from './credentials.ts';
import { type EngineClient, isEngineError } from './engine-client.ts';
import { followPull } from './pull-progress.ts';
import type { PulledImages } from './pulled-images.ts';
import { parseReference } from './reference.ts';

interface Inspected {
  readonly Id: string;
  readonly Config?: { readonly User?: string } | null;
}
interface Listed {
  readonly Id: string;
  readonly RepoTags: readonly string[] | null;
  readonly RepoDigests: readonly string[] | null;
  readonly Size: number;
}

const recentMs = 2_000;
const recentMax = 256;

/** The image may not be pulled, or could not be. */
export class ImageError extends Error {
  readonly reason: string;
  constructor(reason: string, message: string, cause?: unknown) {
    super(message, { cause });
    this.reason = reason;
  }
}

/** The engine's images, as they are in it; pulled where the pod says so. */
export class DockerImages implements Images {
  readonly #client: EngineClient;
  /** What is being pulled right now: whoever wants the same waits for it. */
  readonly #pulling = new Map<string, Promise<void>>();

  readonly #pulled: PulledImages | undefined;
  readonly #recent = new Map<string, { readonly id: Promise<string | undefined>; readonly until: number }>();

  /** `pulled` remembers what came here for us; without it nothing did. */
  constructor(client: EngineClient, pulled?: PulledImages) {
    this.#client = client;
    this.#pulled = pulled;
  }

  async own(): Promise<readonly string[]> {
    return this.#pulled?.list() ?? [];
  }

  async ensure(
    reference: string,
    policy: PullPolicy,
    secrets: readonly Json[],
    pulls: PullListener = () => {},
  ): Promise<{ readonly id: string }> {
    checkReference(reference);
    if (policy !== 'Always') {
      const id = await this.#recentIdOf(reference);
      if (id !== undefined) return { id };
      if (policy === 'Never') {
        const message = `Container image "${reference}" is not present with pull policy of Never`;
        throw new ImageError('ErrImageNeverPull', message);
      }
    }
    pulls();
    // What was there before, for whomever, is not ours to take away.
    const before = await this.idOf(reference);
    await this.#pullOnce(reference, secrets, pulls);
    const id = await this.idOf(reference);
    if (id === undefined) throw new ImageError('ErrImagePull', `image "${reference}" is not there after it was pulled`);
    if (id !== before) this.#pulled?.add(id);
    return { id };
  }

  /** By way of a container that is never started: engines of every age show what is in one. */
  async unpack(reference: string, folder: string): Promise<void> {
    const body = { Image: reference, Cmd: ['none'], NetworkDisabled: true };
    const { Id: id } = await this.#client.json<{ readonly Id: string }>('POST', '/containers/create', { body });
    try {
      const stream = await this.#client.stream('GET', `/containers/${id}/export`);
      await extract(stream, folder);
    } finally {
      await this.#client.json('DELETE', `/containers/${id}`, { query: { force: true, v: true } });
    }
  }

  async list(): Promise<readonly { readonly id: string; readonly names: readonly string[]; readonly bytes: number }[]> {
    const images = await this.#client.json<readonly Listed[]>('GET', '/images/json');
    return images.map(({ Id, RepoTags, RepoDigests, Size }) => ({
      id: Id,
      names: [...(RepoTags ?? []), ...(RepoDigests ?? [])].filter((name) => !name.startsWith('<none>')),
      bytes: Size,
    }));
  }

  async remove(id: string): Promise<void> {
    await this.#client.json('DELETE', `/images/${id}`).catch((error: unknown) => {
      if (!isEngineError(error, 404)) throw error;
    });
    this.#pulled?.forget(id);
  }

  /** Something was missing that was there a moment ago. */
  doubt(): void {
    this.#recent.clear();
  }

  /** Many containers of one image start at once, and need not each ask for it. */
  #recentIdOf(reference: string): Promise<string | undefined> {
    const known = this.#recent.get(reference);
    if (known && known.until > performance.now()) return known.id;
    const id = this.idOf(reference);
    if (this.#recent.size >= recentMax) this.#recent.clear();
    this.#recent.set(reference, { id, until: performance.now() + recentMs });
    const forget = () => void this.#recent.delete(reference);
    id.then((found) => found ?? forget(), forget);
    return id;
  }

  async idOf(reference: string): Promise<string | undefined> {
    return (await this.#inspect(reference))?.Id;
  }

  /** Who runs a container of this image when the pod does not say. */
  async userOf(reference: string): Promise<string> {
    return (await this.#inspect(reference))?.Config?.User ?? '';
  }

  async #inspect(reference: string): Promise<Inspected | undefined> {
    try {
      return await this.#client.json<Inspected>('GET', `/images/${reference}/json`);
    } catch (error) {
      if (isEngineError(error, 404)) return undefined;
      throw error;
    }
  }

  #pullOnce(reference: string, secrets: readonly Json[], pulls: PullListener): Promise<void> {
    const { registry } = parseReference(reference);
    const choices = credentialsFor(registry, reference, secrets);
    const key = JSON.stringify([reference, choices]);
    const known = this.#pulling.get(key);
    if (known) return known;
    const pull = this.#pullWith(reference, choices, pulls).finally(() => this.#pulling.delete(key));
    this.#pulling.set(key, pull);
    return pull;
  }

  /** Each of the credentials that fit, until one is let in; without any, as nobody. */
  async #pullWith(reference: string, choices: readonly Credentials[], pulls: PullListener): Promise<void> {
    let failure: unknown;
    for (const credentials of choices.length > 0 ? choices : [undefined]) {
      try {
        return await this.#pull(reference, credentials, pulls);
      } catch (error) {
        failure = error;
      }
    }
    const why = failure instanceof Error ? failure.message : String(failure);
    throw new ImageError('ErrImagePull', `failed to pull image "${reference}": ${why}`, failure);
  }

  async #pull(reference: string, credentials: Credentials | undefined, pulls: PullListener): Promise<void> {
    const { name, version } = parseReference(reference);
    const headers = credentials ? { headers: { 'x-registry-auth': encodeCredentials(credentials) } } : {};
    const query = { fromImage: name, tag: version };
    const stream = await this.#client.stream('POST', '/images/create', { query, ...headers });
    await followPull(stream, pulls);
  }
}

/** What another runtime understands, and what is no name at all, is refused; nothing is guessed. */
export function checkReference(reference: string): void {
  if (reference === 'host' || /^(file|npm):[./@~]/.test(reference)) {
    throw new InvalidImage(
      `image ${JSON.stringify(reference)} is a command of the machine and not a container image: it runs with the ` +
        'process runtime (runtimeClassName: process, or --runtime process)',
    );
  }
  try {
    parseReference(reference);
  } catch {
    throw new InvalidImage(`Failed to apply default image tag "${reference}": couldn't parse image name`);
  }
}

/** What an engine puts into every container is not part of the image, and devices are nobody's to have. */
const notOfImage = ['.dockerenv', 'dev', 'proc', 'sys', 'etc/hosts', 'etc/hostname', 'etc/resolv.conf'];

async function extract(stream: Readable, folder: string): Promise<void> {
  const excluded = notOfImage
    .map((name) => `--exclude=./${name}`)
    .concat(notOfImage.map((name) => `--exclude=${name}`));
  const child = spawn('tar', ['-x', '--numeric-owner', '--anchored', ...excluded, '-C', folder], {
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  let complaint = '';
  child.stderr.on('data', (chunk) => (complaint += chunk));
  const ended = once(child, 'close');
  await pipeline(stream, child.stdin).catch(() => {});
  const [code] = (await ended) as [number | null];
  if (code !== 0) throw new Error(`tar ended with ${code}: ${complaint.trim()}`);
}
