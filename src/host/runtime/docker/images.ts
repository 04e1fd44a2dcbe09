import { createInterface } from 'node:readline';
import { type Images, InvalidImage, type PullPolicy } from '../../../agent/runtime.ts';
import type { Json } from '../../../base/json.ts';
import { type Credentials, credentialsFor, encodeCredentials } from './credentials.ts';
import { type EngineClient, isEngineError } from './engine-client.ts';
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

  constructor(client: EngineClient) {
    this.#client = client;
  }

  async ensure(reference: string, policy: PullPolicy, secrets: readonly Json[]): Promise<{ readonly id: string }> {
    checkReference(reference);
    if (policy !== 'Always') {
      const id = await this.idOf(reference);
      if (id !== undefined) return { id };
      if (policy === 'Never') {
        const message = `Container image "${reference}" is not present with pull policy of Never`;
        throw new ImageError('ErrImageNeverPull', message);
      }
    }
    await this.#pullOnce(reference, secrets);
    const id = await this.idOf(reference);
    if (id === undefined) throw new ImageError('ErrImagePull', `image "${reference}" is not there after it was pulled`);
    return { id };
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

  #pullOnce(reference: string, secrets: readonly Json[]): Promise<void> {
    const { registry } = parseReference(reference);
    const choices = credentialsFor(registry, reference, secrets);
    const key = JSON.stringify([reference, choices]);
    const known = this.#pulling.get(key);
    if (known) return known;
    const pull = this.#pullWith(reference, choices).finally(() => this.#pulling.delete(key));
    this.#pulling.set(key, pull);
    return pull;
  }

  /** Each of the credentials that fit, until one is let in; without any, as nobody. */
  async #pullWith(reference: string, choices: readonly Credentials[]): Promise<void> {
    let failure: unknown;
    for (const credentials of choices.length > 0 ? choices : [undefined]) {
      try {
        return await this.#pull(reference, credentials);
      } catch (error) {
        failure = error;
      }
    }
    const why = failure instanceof Error ? failure.message : String(failure);
    throw new ImageError('ErrImagePull', `failed to pull image "${reference}": ${why}`, failure);
  }

  async #pull(reference: string, credentials: Credentials | undefined): Promise<void> {
    const { name, version } = parseReference(reference);
    const headers = credentials ? { headers: { 'x-registry-auth': encodeCredentials(credentials) } } : {};
    const query = { fromImage: name, tag: version };
    const progress = await this.#client.stream('POST', '/images/create', { query, ...headers });
    // The answer begins well in any case: a failure comes as the last line of it.
    let failed: string | undefined;
    for await (const line of createInterface({ input: progress })) {
      if (line.trim() !== '') failed = (JSON.parse(line) as { readonly error?: string }).error ?? failed;
    }
    if (failed !== undefined) throw new Error(failed);
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
