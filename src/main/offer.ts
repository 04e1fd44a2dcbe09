import { isApiError } from '../api/error.ts';
import type { Kind } from '../api/kind.ts';
import type { KubeObject } from '../api/object.ts';
import type { Client } from '../client/client.ts';

/** Makes it once: what somebody has changed since stays as it is. */
export async function offer<T extends KubeObject>(client: Client, kind: Kind<T>, object: object): Promise<void> {
  try {
    await client.send({ verb: 'create', kind, object: object as never });
  } catch (error) {
    if (!isApiError(error, 'AlreadyExists')) throw error;
  }
}
