import type { Env, Millis } from '../base/env.ts';

/** How often it is worth looking at what is under way. */
const lookAfterMs: Millis = 500;

/** What dashboards ask about a queue of work: how much comes, how long it waits and how long it takes. */
export class WorkFigures {
  readonly #env: Pick<Env, 'clock' | 'metrics'>;
  readonly #labels: { readonly name: string };
  readonly #queued = new Map<string, Millis>();
  readonly #working = new Map<string, Millis>();
  #looked: Millis = 0;

  constructor(env: Pick<Env, 'clock' | 'metrics'>, name: string) {
    this.#env = env;
    // Frozen: counted for every key that comes and goes, without making a text of it each time.
    this.#labels = Object.freeze({ name });
  }

  added(key: string): void {
    this.#queued.set(key, this.#env.clock.monotonic());
    this.#env.metrics.count('workqueue_adds_total', this.#labels);
    this.#depth();
  }

  taken(key: string): void {
    const now = this.#env.clock.monotonic();
    const waited = now - (this.#queued.get(key) ?? now);
    this.#queued.delete(key);
    this.#working.set(key, now);
    this.#env.metrics.observe('workqueue_queue_duration_seconds', waited / 1000, this.#labels);
    this.#depth();
  }

  done(key: string): void {
    const now = this.#env.clock.monotonic();
    const took = now - (this.#working.get(key) ?? now);
    this.#working.delete(key);
    this.#env.metrics.observe('workqueue_work_duration_seconds', took / 1000, this.#labels);
    if (this.#working.size > 0 && now - this.#looked < lookAfterMs) return;
    this.#looked = now;
    const running = [...this.#working.values()].map((since) => (now - since) / 1000);
    const sum = running.reduce((total, seconds) => total + seconds, 0);
    this.#env.metrics.gauge('workqueue_unfinished_work_seconds', sum, this.#labels);
    this.#env.metrics.gauge('workqueue_longest_running_processor_seconds', Math.max(0, ...running), this.#labels);
  }

  #depth(): void {
    this.#env.metrics.gauge('workqueue_depth', this.#queued.size, this.#labels);
  }
}
