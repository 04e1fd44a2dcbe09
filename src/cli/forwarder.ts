import { isApiError } from '../api/error.ts';
import type { Duplex } from '../api/wire.ts';
import { type Millis, sleep } from '../base/env.ts';
import type { Client } from '../client/client.ts';
import type { LocalListener, LocalPlace, World } from './command.ts';
import { connectTo, type ForwardTarget, type PodPort } from './forward-target.ts';

/** So long a connection waits for a pod that is being replaced. */
const patienceMs: Millis = 30_000;
const lookAgainMs: Millis = 250;

export interface Forwarding {
  readonly target: ForwardTarget;
  /** Number or name of the port there. */
  readonly port: string;
  readonly place: LocalPlace;
}

/** Listens here and forwards each connection to whoever can answer it at that moment. */
export async function forward(world: World, client: Client, forwarding: Forwarding): Promise<LocalListener> {
  return world.listen(forwarding.place, (peer) => {
    carried(world, client, forwarding, peer).catch((error: unknown) => {
      const { message } = error as Error;
      world.io.error(`a connection to ${forwarding.target.name} port ${forwarding.port} ended: ${message}\n`);
      peer.end();
    });
  });
}

async function carried(world: World, client: Client, forwarding: Forwarding, near: Duplex): Promise<void> {
  const far = await opened(world, client, forwarding);
  // Each direction ends for itself: a client may have said all and still wait for its answer.
  await Promise.all([pump(near, far), pump(far, near)]);
}

async function pump(from: Duplex, to: Duplex): Promise<void> {
  try {
    for await (const bytes of from.incoming) await to.write(bytes);
  } finally {
    to.end();
  }
}

/** Nothing of the connection was lost yet: a pod that is just going, or coming, is waited for. */
async function opened(world: World, client: Client, { target, port }: Forwarding): Promise<Duplex> {
  const deadline = world.clock.monotonic() + patienceMs;
  let told = false;
  for (;;) {
    let failure = 'nobody is ready to answer';
    const place = await found(() => target.find(port));
    if (place && 'pod' in place) {
      try {
        return await connectTo(client, place);
      } catch (error) {
        failure = (error as Error).message;
      }
    } else if (place) failure = place.failure;
    if (world.clock.monotonic() >= deadline) throw new Error(failure);
    if (!told) world.io.error(`${target.name}: ${failure}, waiting\n`);
    told = true;
    await sleep(world.clock, lookAgainMs, world.stop);
  }
}

/** A server that restarts is waited for like a pod. */
async function found(
  find: () => Promise<PodPort | undefined>,
): Promise<PodPort | { readonly failure: string } | undefined> {
  try {
    return await find();
  } catch (error) {
    if (isApiError(error)) return { failure: error.message };
    throw error;
  }
}

/** Until the command is interrupted. */
export const untilStopped = ({ stop }: World): Promise<void> => new Promise((resolve) => stop.onStop(resolve));
