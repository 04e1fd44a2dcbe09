import { contains } from '../../api/kinds/addresses.ts';
import type { Clock, Millis } from '../../base/env.ts';
import type { Backend, Route } from '../../network/dataplane.ts';

/** Clients remembered per route; the one that was quiet longest is forgotten first. */
const clientsMax = 10_000;

/** Who answers next. It outlives the tables: a new list of backends goes on where the old one was. */
export class BackendChoice {
  route: Route;
  readonly #clock: Clock;
  #turn = 0;
  readonly #stuck = new Map<string, { readonly backend: Backend; readonly until: Millis }>();

  constructor(clock: Clock, route: Route) {
    this.#clock = clock;
    this.route = route;
  }

  /** All backends, each once, in the order in which they are to be tried. */
  order(client: string): readonly Backend[] {
    const { backends, affinity, sources } = this.route;
    if (sources && !sources.some((range) => contains(range, client))) return [];
    const count = backends.length;
    if (count === 0) return [];
    const start = this.#turn++ % count;
    const turned = [...backends.slice(start), ...backends.slice(0, start)];
    const stuck = affinity ? this.#stuck.get(client) : undefined;
    if (!stuck || stuck.until <= this.#clock.monotonic()) return turned;
    const same = (backend: Backend) => backend.ip === stuck.backend.ip && backend.port === stuck.backend.port;
    return turned.some(same) ? [stuck.backend, ...turned.filter((backend) => !same(backend))] : turned;
  }

  met(client: string, backend: Backend): void {
    const { affinity } = this.route;
    if (!affinity) return;
    this.#stuck.delete(client);
    this.#stuck.set(client, { backend, until: this.#clock.monotonic() + affinity });
    if (this.#stuck.size <= clientsMax) return;
    for (const oldest of this.#stuck.keys()) {
      this.#stuck.delete(oldest);
      return;
    }
  }
}
