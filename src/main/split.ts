import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type Cancel, type Component, type Env, type Millis, sleep } from '../base/env.ts';
import type { Stop } from '../base/stop.ts';

const restartAfterMs: Millis = 500;
const endWithinMs: Millis = 10_000;

/** A part of the cluster as a process of its own: this program again, with the part's own command. */
export class ChildPart implements Component {
  readonly name: string;
  readonly #env: Env;
  readonly #words: readonly string[];

  constructor(env: Env, words: readonly string[]) {
    this.#env = env;
    this.#words = words;
    this.name = `process/${words[0]}`;
  }

  async run(stop: Stop): Promise<void> {
    while (!stop.stopped) {
      const child = this.#spawn();
      const exited = once(child, 'exit');
      let giveUp: Cancel = () => {};
      const forget = stop.onStop(() => {
        child.kill('SIGTERM');
        giveUp = this.#env.clock.after(endWithinMs, () => child.kill('SIGKILL'));
      });
      const [code, signal] = await exited;
      forget();
      giveUp();
      if (stop.stopped) return;
      this.#env.log.error('a part ended and starts again', { part: this.#words[0], code, signal });
      await sleep(this.#env.clock, restartAfterMs, stop).catch(() => {});
    }
  }

  #spawn(): ChildProcess {
    const program = process.argv[1] as string;
    return spawn(process.execPath, [...process.execArgv, program, ...this.#words], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  }
}
