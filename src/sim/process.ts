import type { Runtime } from '../agent/runtime.ts';
import type { Clock, Component, Env } from '../base/env.ts';
import { Stopped } from '../base/env.ts';
import { StopSource } from '../base/stop.ts';

export interface ProcessHost {
  readonly env: Env;
  /** A component that broke: always a bug. */
  readonly onBug: (error: unknown) => void;
}

/** One process of the pretend world. When it is killed, none of its timers fires and none of its calls comes back. */
export class SimProcess {
  readonly env: Env;
  readonly #stop = new StopSource();
  readonly #host: ProcessHost;

  constructor(host: ProcessHost) {
    this.#host = host;
    this.env = { ...host.env, clock: mortalClock(host.env.clock, this.#stop) };
  }

  run(components: readonly Component[]): void {
    for (const component of components) {
      component.run(this.#stop).catch((error: unknown) => {
        if (!(error instanceof Stopped)) this.#host.onBug(new Error(`${component.name} broke`, { cause: error }));
      });
    }
  }

  /** The same engine, for as long as this process lives: what it has started goes on without it. */
  mortal(runtime: Runtime): Runtime {
    return mortalCalls(runtime, this.#stop);
  }

  kill(): void {
    this.#stop.stop();
  }
}

function mortalClock(clock: Clock, stop: StopSource): Clock {
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    after: (delay, fire) => clock.after(delay, () => (stop.stopped ? undefined : fire())),
  };
}

/** Every method that is asked for after the end answers never. */
function mortalCalls<T extends object>(target: T, stop: StopSource): T {
  return new Proxy(target, {
    get(_target, property) {
      const member = Reflect.get(target, property, target) as unknown;
      if (typeof member === 'object' && member !== null) return mortalCalls(member, stop);
      if (typeof member !== 'function') return member;
      return (...args: unknown[]) => (stop.stopped ? new Promise(() => {}) : member.apply(target, args));
    },
  });
}
