import { ApiError, isApiError } from '../api/error.ts';
import { type Lease, leases } from '../api/kinds/lease.ts';
import { type Leadership, leadershipHeader, leadershipText } from '../api/leadership.ts';
import type { ApiRequest, Transport } from '../api/wire.ts';
import { type Component, type Env, type Millis, sleep } from '../base/env.ts';
import { type Stop, StopSource } from '../base/stop.ts';
import { microTimestamp } from '../base/text.ts';
import { Client } from '../client/client.ts';
import { EventRecorder } from './events.ts';

/** Where leases of upstream's own parts are. */
const namespace = 'kube-system';

export interface LeaseTiming {
  /** A lease that was not renewed for so long may be taken by another. */
  readonly durationMs: Millis;
  /** Whoever could not renew it for so long stops: well before another may begin. */
  readonly deadlineMs: Millis;
  readonly retryMs: Millis;
}
export interface LeaderChoice {
  /** Of the lease: `kube-controller-manager`. */
  readonly name: string;
  /** Of this process; no other one has it. */
  readonly identity: string;
  readonly timing: LeaseTiming;
}

/**
 * Lets only one of many processes do something. What it does goes through a transport that sends no write after this
 * process's own deadline, by its monotonic clock, and puts the term on each: the server refuses those of older terms.
 */
export class Leader implements Component {
  readonly name: string;
  readonly #env: Env;
  readonly #transport: Transport;
  readonly #client: Client;
  readonly #choice: LeaderChoice;
  readonly #lead: (transport: Transport, stop: Stop) => Promise<void>;
  /** The lease as it was last seen, and when: the clocks of others may differ, so only changes count. */
  #seen: { readonly text: string; readonly at: Millis } = { text: '', at: Number.NEGATIVE_INFINITY };
  #lease: Lease | undefined;
  /** Until when this process leads. */
  #until = Number.NEGATIVE_INFINITY;

  constructor(
    env: Env,
    transport: Transport,
    choice: LeaderChoice,
    lead: (transport: Transport, stop: Stop) => Promise<void>,
  ) {
    this.name = `leader/${choice.name}`;
    this.#env = env;
    this.#transport = transport;
    this.#client = new Client(transport);
    this.#choice = choice;
    this.#lead = lead;
  }

  async run(stop: Stop): Promise<void> {
    const { clock } = this.#env;
    while (!stop.stopped) {
      if (await this.#try()) await this.#term(stop);
      await sleep(clock, this.#choice.timing.retryMs, stop).catch(() => {});
    }
  }

  /** From here to the loss of the lease, or to the end. */
  async #term(stop: Stop): Promise<void> {
    const { clock, log, metrics } = this.#env;
    const { identity, name, timing } = this.#choice;
    const inner = StopSource.under(stop);
    metrics.gauge('leader_election_master_status', 1, { name });
    this.#tell();
    const leading = this.#lead(this.#fenced(), inner).finally(() => inner.stop());
    // A renewal may hang: the deadline does not wait for it.
    const watching = this.#watch(inner);
    while (!inner.stopped) {
      await sleep(clock, timing.retryMs, inner).catch(() => {});
      if (!inner.stopped && !(await this.#try()) && this.#holder() !== identity) inner.stop();
    }
    metrics.gauge('leader_election_master_status', 0, { name });
    await Promise.all([leading, watching]);
    if (stop.stopped) await this.#release();
    else log.error('another process leads now, or may: this one has stopped', { lease: name, identity });
    this.#until = Number.NEGATIVE_INFINITY;
  }

  async #watch(inner: StopSource): Promise<void> {
    const { clock } = this.#env;
    while (!inner.stopped && clock.monotonic() < this.#until) {
      await sleep(clock, this.#until - clock.monotonic(), inner).catch(() => {});
    }
    inner.stop();
  }

  #fenced(): Transport {
    const { identity: holder, name } = this.#choice;
    const transitions = this.#lease?.spec?.leaseTransitions ?? 0;
    const text = leadershipText({ namespace, name, holder, transitions } satisfies Leadership);
    return async (request: ApiRequest) => {
      if (request.method === 'GET') return this.#transport(request);
      if (this.#env.clock.monotonic() >= this.#until) {
        throw new ApiError('ServiceUnavailable', `${holder} does not hold the lease ${name} any more: nothing is sent`);
      }
      return this.#transport({ ...request, headers: { ...request.headers, [leadershipHeader]: text } });
    };
  }

  #holder(): string {
    return this.#lease?.spec?.holderIdentity ?? '';
  }

  /** Takes or renews the lease; answers whether this process holds it. */
  async #try(): Promise<boolean> {
    const { clock, log } = this.#env;
    const { identity, name, timing } = this.#choice;
    const askedAt = clock.monotonic();
    try {
      const lease = await this.#client.get(leases, { namespace, name }).catch(absent);
      this.#see(lease);
      const mine = this.#holder() === identity;
      if (lease && !mine && this.#holder() !== '' && !this.#isOver(lease)) return false;
      const before = lease?.spec ?? {};
      const renewTime = microTimestamp(clock.now());
      const changes = mine
        ? {}
        : { acquireTime: renewTime, leaseTransitions: lease ? (before.leaseTransitions ?? 0) + 1 : 0 };
      const leaseDurationSeconds = Math.ceil(timing.durationMs / 1_000);
      const spec = { ...before, ...changes, holderIdentity: identity, leaseDurationSeconds, renewTime };
      this.#lease = lease
        ? await this.#client.send<Lease>({ verb: 'update', kind: leases, object: { ...lease, spec } })
        : await this.#client.send<Lease>({
            verb: 'create',
            kind: leases,
            object: { metadata: { namespace, name }, spec },
          });
      this.#until = askedAt + timing.deadlineMs;
      return true;
    } catch (error) {
      if (!isApiError(error)) throw error;
      log.debug('the lease could not be had', { lease: name, identity, error: error.message });
      return false;
    }
  }

  #see(lease: Lease | undefined): void {
    this.#lease = lease;
    const text = lease ? `${lease.metadata.uid} ${lease.metadata.resourceVersion}` : '';
    if (text !== this.#seen.text) this.#seen = { text, at: this.#env.clock.monotonic() };
  }

  #isOver({ spec }: Lease): boolean {
    const durationMs = (spec?.leaseDurationSeconds ?? 0) * 1_000;
    return this.#env.clock.monotonic() >= this.#seen.at + durationMs;
  }

  /** Whoever waits need not wait until it is over. */
  async #release(): Promise<void> {
    const lease = this.#lease;
    if (!lease || this.#holder() !== this.#choice.identity) return;
    const spec = { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1 };
    await this.#client
      .send<Lease>({ verb: 'update', kind: leases, object: { ...lease, spec } })
      .catch((error: unknown) => {
        if (!isApiError(error)) throw error;
      });
  }

  #tell(): void {
    const { identity, name } = this.#choice;
    const about = this.#lease;
    if (!about) return;
    const message = `${identity} became leader`;
    new EventRecorder(this.#env, this.#client, name).record({
      verb: 'event',
      about,
      reason: 'LeaderElection',
      message,
    });
  }
}

function absent(error: unknown): undefined {
  if (!isApiError(error, 'NotFound')) throw error;
  return undefined;
}
