import { type EngineClient, EngineError, isEngineError } from './engine-client.ts';
import { label, networkName } from './identity.ts';

/** The network that all pods of a cluster on one engine share. Idempotent; answers its name. */
export async function ensureNetwork(client: EngineClient, cluster: string, podRange: string): Promise<string> {
  const name = networkName(cluster);
  if (await isThere(client, name)) return name;
  const body = {
    Name: name,
    Driver: 'bridge',
    IPAM: { Config: [{ Subnet: podRange }] },
    Labels: { [label.cluster]: cluster },
  };
  try {
    await client.json('POST', '/networks/create', { body });
  } catch (error) {
    // Two agents of one cluster may have begun at the same time.
    if (await isThere(client, name)) return name;
    if (error instanceof EngineError && /overlap/i.test(error.message)) {
      throw new Error(`the engine has a network in the range of pods ${podRange}: choose another with --pod-range`, {
        cause: error,
      });
    }
    throw error;
  }
  return name;
}

/** Gone, unless somebody still lives in it: another node of the cluster takes it along then. */
export async function removeNetwork(client: EngineClient, cluster: string): Promise<void> {
  await client.json('DELETE', `/networks/${networkName(cluster)}`).catch((error: unknown) => {
    if (!isEngineError(error, 403, 404, 409)) throw error;
  });
}

async function isThere(client: EngineClient, name: string): Promise<boolean> {
  try {
    await client.json('GET', `/networks/${name}`);
    return true;
  } catch (error) {
    if (isEngineError(error, 404)) return false;
    throw error;
  }
}
