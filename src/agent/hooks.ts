import type { Container, LifecycleHandler } from '../api/kinds/pod.ts';
import { type Clock, sleep } from '../base/env.ts';
import type { Stop } from '../base/stop.ts';
import { execText } from './exec-text.ts';
import { httpAnswer, portOf, type Secure } from './probes.ts';
import type { Runtime } from './runtime.ts';

export interface HookPlace {
  readonly container: Container;
  readonly id: string;
  readonly podIp: string;
}
export interface HookParts {
  readonly clock: Clock;
  readonly runtime: Runtime;
  readonly sandbox: string;
  readonly secure?: Secure;
}

const complaintLengthMax = 1_024;

/** What a container does right after its start and right before its end. */
export class Hooks {
  readonly #parts: HookParts;

  constructor(parts: HookParts) {
    this.#parts = parts;
  }

  /** Why it failed, or nothing where all is well. */
  async run(hook: LifecycleHandler, place: HookPlace, stop: Stop): Promise<string | undefined> {
    try {
      if (hook.sleep) await sleep(this.#parts.clock, hook.sleep.seconds * 1000, stop);
      if (hook.exec) return await this.#exec(hook.exec.command ?? [], place, stop);
      return hook.httpGet ? await this.#get(hook.httpGet, place, stop) : undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  async #exec(command: readonly string[], { id }: HookPlace, stop: Stop): Promise<string | undefined> {
    const { exitCode, text } = await execText(
      this.#parts.runtime,
      { id, command, lengthMax: complaintLengthMax },
      stop,
    );
    if (exitCode === undefined) return 'the command ended without an exit code';
    return exitCode === 0 ? undefined : `command '${command.join(' ')}' exited with ${exitCode}: ${text}`;
  }

  async #get(get: NonNullable<LifecycleHandler['httpGet']>, place: HookPlace, stop: Stop): Promise<string | undefined> {
    const { runtime, sandbox, secure } = this.#parts;
    const duplex = await runtime.connect(sandbox, portOf(get.port, place.container), stop);
    const { podIp, container } = place;
    const { ok, message } = await httpAnswer(duplex, get, { podIp, container, ...(secure ? { secure } : {}) });
    return ok ? undefined : message;
  }
}
