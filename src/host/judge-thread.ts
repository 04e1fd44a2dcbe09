import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { ApiError } from '../api/error.ts';
import { builtInKinds } from '../api/kinds/all.ts';
import type { Millis } from '../base/env.ts';
import { type Answers, answerOf, type Judge, type Question } from '../server/judge.ts';

const role = 'mini-k8s judge';

interface Asked {
  readonly asked: keyof Answers;
  readonly question: Question;
}
interface Waiting extends Asked {
  readonly resolve: (answer: never) => void;
  readonly reject: (error: unknown) => void;
}
interface Limits {
  /** So long it waits for the next long object; then it ends, and its memory is free. */
  readonly idleMs: Millis;
  /** What takes longer is refused. */
  readonly answerMs: Millis;
}
const defaultLimits: Limits = { idleMs: 10_000, answerMs: 20_000 };
/** A body of 3 MB takes a tenth of it. */
const megabytesMax = 512;

/** Judges long objects one after another in a thread of its own, which there is only while there are any. */
export class JudgeThread implements Judge {
  readonly #limits: Limits;
  #worker: Worker | undefined;
  #queue: Waiting[] = [];
  #current: Waiting | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(limits: Limits = defaultLimits) {
    this.#limits = limits;
  }

  answer<A extends keyof Answers>(asked: A, question: Question): Promise<Answers[A]> {
    return new Promise<Answers[A]>((resolve, reject) => {
      this.#queue.push({ asked, question, resolve, reject });
      if (!this.#current) this.#next();
    });
  }

  close(): void {
    const waiting = [...(this.#current ? [this.#current] : []), ...this.#queue];
    this.#queue = [];
    for (const { reject } of waiting) reject(new ApiError('ServiceUnavailable', 'the server is shutting down'));
    this.#end();
  }

  #next(): void {
    clearTimeout(this.#timer);
    this.#current = this.#queue.shift();
    if (!this.#current) {
      this.#timer = setTimeout(() => this.#end(), this.#limits.idleMs).unref();
      return;
    }
    const { asked, question } = this.#current;
    this.#worker ??= this.#started();
    this.#worker.postMessage({ asked, question } satisfies Asked);
    this.#timer = setTimeout(() => this.#failed(tookTooLong), this.#limits.answerMs).unref();
  }

  #started(): Worker {
    const worker = new Worker(new URL(import.meta.url), {
      workerData: role,
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: megabytesMax },
    });
    worker.unref();
    worker.on('message', (answer: unknown) => {
      if (this.#worker !== worker) return;
      this.#current?.resolve(answer as never);
      this.#next();
    });
    worker.on('error', (cause) => {
      if (this.#worker === worker)
        this.#failed(new ApiError('InternalError', `the object could not be judged: ${cause}`));
    });
    return worker;
  }

  /** The thread is given up: nobody knows how long it would go on. */
  #failed(error: ApiError): void {
    const failed = this.#current;
    this.#end();
    failed?.reject(error);
    this.#next();
  }

  #end(): void {
    clearTimeout(this.#timer);
    this.#current = undefined;
    void this.#worker?.terminate();
    this.#worker = undefined;
  }
}

const tookTooLong = new ApiError('Timeout', 'the object has so much in it that it could not be judged in time');

if (!isMainThread && workerData === role) {
  parentPort?.on('message', ({ asked, question }: Asked) => {
    parentPort?.postMessage(answerOf(asked, question, builtInKinds));
  });
}
