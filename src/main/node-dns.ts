import type { EndpointSlice } from '../api/kinds/endpoint-slice.ts';
import { type Component, type Env, sleep } from '../base/env.ts';
import type { Stop } from '../base/stop.ts';
import { DnsServer } from '../host/network/dns-server.ts';
import { dropLoopbackAddress, keepLoopbackAddress } from '../host/runtime/process/addresses.ts';
import type { Cache } from '../machinery/cache.ts';
import type { NameCaches } from '../network/cluster-names.ts';
import { dnsSlice } from '../network/kube-dns.ts';

const lookMs = 1_000;
/** Another process of this machine may answer there already; when it ends it is our turn. */
const againMs = 5_000;

export interface NodeDnsParts {
  readonly env: Env;
  readonly names: NameCaches;
  readonly slices: Cache<EndpointSlice>;
}

interface Served {
  readonly place: string;
  close(): Promise<void>;
}

/**
 * The names of the cluster, answered on a further machine at the very address where the first one does: wherever
 * a pod asks, somebody on its own machine answers, and no route has to lead anywhere.
 */
export class NodeDns implements Component {
  readonly name = 'node-dns';
  readonly #parts: NodeDnsParts;

  constructor(parts: NodeDnsParts) {
    this.#parts = parts;
  }

  async run(stop: Stop): Promise<void> {
    const { env, slices } = this.#parts;
    let served: Served | undefined;
    while (!stop.stopped) {
      const wanted = placeIn(slices.get(dnsSlice));
      let pause = lookMs;
      if (wanted?.text !== served?.place) {
        await served?.close();
        served = wanted && (await this.#serve(wanted));
        if (wanted && !served) pause = againMs;
      }
      await sleep(env.clock, pause, stop).catch(() => {});
    }
    await served?.close();
  }

  async #serve({ ip, port, text }: Wanted): Promise<Served | undefined> {
    const { env, names } = this.#parts;
    const load = () => import('./dns-answering.ts').then(({ answering }) => answering({ env, names, own: () => [ip] }));
    const server = new DnsServer(load, (error) => env.log.error('a query for a name failed', { error: String(error) }));
    try {
      await keepLoopbackAddress(ip);
      await server.listen({ host: ip, port });
    } catch (error) {
      // Whoever listens there has the address too, and takes it away.
      await server.close();
      env.log.debug('names are not answered by this process', { place: text, error: String(error) });
      return undefined;
    }
    return {
      place: text,
      close: async () => {
        await server.close();
        await dropLoopbackAddress(ip);
      },
    };
  }
}

interface Wanted {
  readonly ip: string;
  readonly port: number;
  readonly text: string;
}

function placeIn(slice: EndpointSlice | undefined): Wanted | undefined {
  const ip = slice?.endpoints?.[0]?.addresses[0];
  const port = slice?.ports?.[0]?.port;
  return ip && port ? { ip, port, text: `${ip}:${port}` } : undefined;
}
