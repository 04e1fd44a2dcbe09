import type { TLSSocket } from 'node:tls';
import { type ApiRequest, type ApiResponse, jsonType, type Transport } from '../../api/wire.ts';
import { type Stop, StopSource } from '../../base/stop.ts';
import { answerOfError, writeAnswer } from './answer.ts';
import type { Identity } from './caller.ts';
import { headText } from './head-text.ts';
import { limits } from './limits.ts';
import { Reply } from './reply.ts';
import { type Asking, type Report, requestFrom } from './request.ts';
import { HeadReader, type WholeRequest } from './request-head.ts';
import type { Rounds } from './rounds.ts';
import { headOf, isShort, type Whole, wholeOf } from './whole-answer.ts';

export interface ConnectionDeps {
  readonly transport: Transport;
  readonly identity: Identity;
  /** What was read of a request that is not for here, and with it the connection, for good. */
  readonly handOver: (rest: Buffer) => void;
  readonly report: Report;
  /** Watches and streams, which end when they are told to. */
  readonly endless: Set<() => void>;
  readonly rounds: Rounds;
}

/**
 * A connection of HTTP/1.1 whose requests are read and answered here, one after another, for as long as they are plain:
 * twice as many as through Node's own server. The first that is not takes the connection to that one.
 */
export class PlainConnection {
  /** How often whoever looks for idle ones has seen this one idle since its last request. */
  idleLooks = 0;
  hasAsked = false;
  readonly #socket: TLSSocket;
  readonly #deps: ConnectionDeps;
  readonly #reader = new HeadReader();
  /** What came and was not read yet. */
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #stop: AnswerStop | undefined;
  #isLast = false;

  constructor(socket: TLSSocket, deps: ConnectionDeps) {
    this.#socket = socket;
    this.#deps = deps;
    socket.on('data', this.#take);
    socket.once('close', () => this.#stop?.end());
  }

  get isIdle(): boolean {
    return this.#stop === undefined && this.#waiting.length === 0;
  }

  /** After the answer that is under way, if there is one, the connection ends. */
  end(): void {
    this.#isLast = true;
    if (this.isIdle) this.#socket.end();
  }

  cut(): void {
    this.#socket.destroy();
  }

  readonly #take = (bytes: Buffer): void => {
    // Nothing counts behind the last request: who sent it, or whoever stands between, may take it for something else.
    if (this.#isLast) return;
    if (this.isIdle) this.#deps.rounds.ask(this.#read);
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes > limits.sliceBytes) this.#socket.pause();
  };

  readonly #read = (): void => {
    const socket = this.#socket;
    if (socket.destroyed) return;
    const bytes = this.#waiting.length === 1 ? (this.#waiting[0] as Buffer) : Buffer.concat(this.#waiting);
    this.#waiting = [];
    this.#waitingBytes = 0;
    if (socket.isPaused()) socket.resume();
    this.#begin(bytes);
  };

  #begin(bytes: Buffer): void {
    this.hasAsked = true;
    this.idleLooks = 0;
    const whole = this.#reader.read(bytes);
    if (!whole) return this.#leave(bytes);
    if (whole.isLast) this.#isLast = true;
    const stop = new AnswerStop(this.#socket);
    this.#stop = stop;
    if (whole.end < bytes.length) this.#waiting.push(bytes.subarray(whole.end));
    try {
      const request = requestFrom(whole, this.#deps.identity, stop);
      this.#deps.transport(whole.body.length === 0 ? request : { ...request, body: bodyOf(whole) }).then(
        (answer) => this.#answer(whole, answer),
        (error: unknown) => this.#fail(whole, error),
      );
    } catch (error) {
      this.#fail(whole, error);
    }
  }

  #leave(rest: Buffer): void {
    this.#socket.off('data', this.#take);
    this.#deps.handOver(rest);
  }

  #answer(asked: Asking, answer: ApiResponse): void {
    if (this.#socket.destroyed) return;
    try {
      const whole = wholeOf(asked, answer);
      if (whole && isShort(whole)) this.#write(answer, whole);
      else this.#reply(asked, answer);
    } catch (error) {
      this.#fail(asked, error);
    }
  }

  #fail(asked: Asking, error: unknown): void {
    this.#deps.report(error, asked, this.#deps.identity.from);
    if (this.#socket.destroyed) return;
    const answer = answerOfError(error);
    this.#write(answer, wholeOf(asked, answer) as Whole);
  }

  #write(answer: ApiResponse, { chunks, mediaType, size }: Whole): void {
    const head = headText(answer.status, headOf(answer, mediaType, ['Content-Length', String(size)]), this.#isLast);
    const bytes = Buffer.allocUnsafe(head.length + size);
    let end = bytes.write(head, 'latin1');
    for (const chunk of chunks) {
      bytes.set(chunk, end);
      end += chunk.length;
    }
    this.#deps.rounds.write(() => this.#send(bytes));
  }

  #send(bytes: Buffer): void {
    const socket = this.#socket;
    if (socket.destroyed) return;
    // Whoever asks and asks and does not read waits for himself.
    if (socket.write(bytes)) this.#next();
    else socket.once('drain', () => this.#next());
  }

  #reply(asked: Asking, answer: ApiResponse): void {
    const reply = new Reply(this.#socket, this.#isLast);
    const end = () => void reply.end();
    if ('watch' in answer || 'stream' in answer) this.#deps.endless.add(end);
    reply.once('close', () => {
      this.#deps.endless.delete(end);
      if (!this.#socket.destroyed) this.#next();
    });
    const written = writeAnswer(reply, asked, answer);
    written?.catch((error: unknown) => {
      this.#deps.report(error, asked, this.#deps.identity.from);
      reply.destroy();
    });
  }

  #next(): void {
    this.#stop?.end();
    this.#stop = undefined;
    if (this.#isLast) return void this.#socket.end();
    if (this.#waiting.length > 0) this.#deps.rounds.ask(this.#read);
  }
}

const bodyOf = ({ body, headers }: WholeRequest): NonNullable<ApiRequest['body']> => ({
  bytes: body,
  mediaType: headers['content-type'] ?? jsonType,
});

/** Tells when the client has gone or has its answer. Most requests never ask, and then it costs nothing. */
class AnswerStop implements Stop {
  readonly #socket: TLSSocket;
  #source: StopSource | undefined;
  #ended = false;

  constructor(socket: TLSSocket) {
    this.#socket = socket;
  }

  get stopped(): boolean {
    return this.#ended || this.#socket.destroyed;
  }

  onStop(run: () => void): () => void {
    this.#source ??= new StopSource();
    if (this.stopped) this.#source.stop();
    return this.#source.onStop(run);
  }

  end(): void {
    this.#ended = true;
    this.#source?.stop();
  }
}
