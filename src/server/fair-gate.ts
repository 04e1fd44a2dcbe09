import { ApiError } from '../api/error.ts';

export interface FairGateLimits {
  /** Requests worked on at once. Group commit needs many, the others' patience few. */
  readonly atOnce: number;
  /** Of one user. The rest stays free for others, even where all of his wait for something slow. */
  readonly atOncePerUser: number;
  /** Of one user, waiting. */
  readonly waitingPerUser: number;
  /** Of all users together. */
  readonly waiting: number;
}

export const defaultGateLimits: FairGateLimits = {
  atOnce: 200,
  atOncePerUser: 150,
  waitingPerUser: 1_000,
  waiting: 5_000,
};

const retryAfterSeconds = 1;
/** So many users are remembered who have nothing inside. */
const absentMax = 64;

/**
 * Lets so many requests in at once. Those beyond wait in a queue per user, and the queues take turns: whoever floods
 * the server waits behind himself, and a user with one request is next.
 */
export class FairGate {
  readonly #limits: FairGateLimits;
  /** Users who wait, in the order of their turns. A map keeps it, and finds them. */
  readonly #queues = new Map<string, (() => void)[]>();
  readonly #insideOf = new Map<string, number>();
  #inside = 0;
  #waiting = 0;
  #changing = 0;
  #entered = 0;
  #atOnce = 0;
  #refused = 0;

  constructor(limits: FairGateLimits = defaultGateLimits) {
    this.#limits = limits;
  }

  /** Of those inside: how many change something. */
  get changing(): number {
    return this.#changing;
  }
  get inside(): number {
    return this.#inside;
  }
  get waiting(): number {
    return this.#waiting;
  }

  get limits(): FairGateLimits {
    return this.#limits;
  }

  /** How many were let in, of them without waiting, and turned away since somebody asked last. */
  sinceLast(): { readonly entered: number; readonly atOnce: number; readonly refused: number } {
    const since = { entered: this.#entered, atOnce: this.#atOnce, refused: this.#refused };
    this.#entered = this.#atOnce = this.#refused = 0;
    return since;
  }

  /** Nothing where the request may go on at once: the usual case costs no promise. Whoever enters has to leave. */
  enter(user: string, changes = false): Promise<void> | undefined {
    const own = this.#insideOf.get(user) ?? 0;
    if (this.#inside < this.#limits.atOnce && own < this.#limits.atOncePerUser) {
      this.#inside++;
      this.#entered++;
      this.#atOnce++;
      if (changes) this.#changing++;
      this.#insideOf.set(user, own + 1);
      return undefined;
    }
    const queue = this.#queues.get(user) ?? [];
    if (queue.length >= this.#limits.waitingPerUser || this.#waiting >= this.#limits.waiting) {
      this.#refused++;
      const message = 'too many requests, please try again later';
      throw new ApiError('TooManyRequests', message, { retryAfterSeconds });
    }
    if (queue.length === 0) this.#queues.set(user, queue);
    this.#waiting++;
    return new Promise((resolve) => {
      queue.push(() => {
        if (changes) this.#changing++;
        resolve();
      });
    });
  }

  leave(user: string, changes = false): void {
    this.#inside--;
    if (changes) this.#changing--;
    const own = (this.#insideOf.get(user) ?? 1) - 1;
    // Whoever leaves is likely to come back: to forget a user and know him again costs more than to keep a nought.
    if (own > 0 || this.#insideOf.size <= absentMax) this.#insideOf.set(user, own);
    else this.#insideOf.delete(user);
    const next = this.#next();
    if (!next) return;
    const [name, queue] = next;
    this.#waiting--;
    this.#inside++;
    this.#entered++;
    this.#insideOf.set(name, (this.#insideOf.get(name) ?? 0) + 1);
    const enter = queue.shift() as () => void;
    // Back to the end of the round, if there is more.
    this.#queues.delete(name);
    if (queue.length > 0) this.#queues.set(name, queue);
    enter();
  }

  /** Whose turn it is, of those who have not enough inside already. */
  #next(): readonly [string, (() => void)[]] | undefined {
    for (const waiting of this.#queues) {
      if ((this.#insideOf.get(waiting[0]) ?? 0) < this.#limits.atOncePerUser) return waiting;
    }
    return undefined;
  }
}
