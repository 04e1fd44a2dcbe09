import { isApiError } from '../api/error.ts';
import type { Pod } from '../api/kinds/pod.ts';
import { secrets } from '../api/kinds/secret.ts';
import type { Json } from '../base/json.ts';
import type { Client } from '../client/client.ts';

/** The logins that a pod names for its registries. One that is missing is left out: the image may be public. */
export async function pullSecrets(client: Client, pod: Pod): Promise<readonly Json[]> {
  const { imagePullSecrets = [] } = pod.spec as { readonly imagePullSecrets?: readonly { readonly name?: string }[] };
  const namespace = pod.metadata.namespace ?? '';
  const found = imagePullSecrets.map(async ({ name = '' }) => {
    try {
      return [(await client.get(secrets, { namespace, name })) as unknown as Json];
    } catch (error) {
      if (isApiError(error, 'NotFound')) return [];
      throw error;
    }
  });
  return (await Promise.all(found)).flat();
}
