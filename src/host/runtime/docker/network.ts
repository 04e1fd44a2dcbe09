import { type EngineClient, EngineError, isEngineError } from './engine-client.ts';
import { label, networkName } from './identity.ts';

const removalTries = 10;
const removalPauseMs = 100;

/** The network that all pods of a cluster on one engine share. Idempotent; answers the engine's id of it. */
export async function ensureNetwork(client: EngineClient, cluster: string, podRange: string): Promise<string> {
  const name = networkName(cluster);
  const known = await idOf(client, name);
  if (known !== undefined) return known;
  const body = {
    Name: name,
    Driver: 'bridge',
    IPAM: { Config: [{ Subnet: podRange }] },
    Labels: { [label.cluster]: cluster },
  };
  try {
    return (await client.json<Named>('POST', '/networks/create', { body })).Id;
  } catch (error) {
    // Two agents of one cluster may have begun at the same time.
    const made = await idOf(client, name);
    if (made !== undefined) return made;
    if (error instanceof EngineError && /overlap/i.test(error.message)) {
      const ours = await ownNetworks(client);
      const remedy = ours.length > 0 ? `, or remove what a cluster has left: docker network rm ${ours.join(' ')}` : '';
      const what = `the engine has a network in the range of pods ${podRange}: choose another with --pod-range`;
      throw new Error(`${what}${remedy}`, { cause: error });
    }
    throw error;
  }
}

interface Named {
  readonly Id: string;
}

/** Networks in which no pod lives, of other clusters. */
async function ownNetworks(client: EngineClient): Promise<readonly string[]> {
  const query = { filters: JSON.stringify({ label: [label.cluster], dangling: ['true'] }) };
  const found = await client.json<readonly { readonly Name: string }[]>('GET', '/networks', { query });
  return found.map(({ Name }) => Name);
}

/** Gone, unless somebody still lives in it: another node of the cluster takes it along then. */
export async function removeNetwork(client: EngineClient, cluster: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await client.json('DELETE', `/networks/${networkName(cluster)}`);
    } catch (error) {
      if (isEngineError(error, 404)) return;
      if (!isEngineError(error, 403, 409)) throw error;
      // A container that is gone may still hold its place for a moment, or for ever, where its engine was killed.
      if (tries === removalTries) return;
      if (tries === removalTries - 1) await dropStale(client, networkName(cluster));
      await new Promise((resolve) => setTimeout(resolve, removalPauseMs));
    }
  }
}

/** Ends what the engine believes of containers that it does not have. */
async function dropStale(client: EngineClient, name: string): Promise<void> {
  const found = await client.json<{ readonly Containers?: Readonly<Record<string, { readonly Name: string }>> | null }>(
    'GET',
    `/networks/${name}`,
  );
  for (const { Name: container } of Object.values(found.Containers ?? {})) {
    const isGone = await client.json('GET', `/containers/${container}/json`).then(
      () => false,
      (error: unknown) => isEngineError(error, 404),
    );
    const body = { Container: container, Force: true };
    if (isGone) await client.json('POST', `/networks/${name}/disconnect`, { body }).catch(() => {});
  }
}

async function idOf(client: EngineClient, name: string): Promise<string | undefined> {
  try {
    return (await client.json<Named>('GET', `/networks/${name}`)).Id;
  } catch (error) {
    if (isEngineError(error, 404)) return undefined;
    throw error;
  }
}
