import type { Duplex } from 'node:stream';
import type { Asker } from './forward-head.ts';
import type { HeaderList } from './header-list.ts';

/** How long a body is: so many bytes, or as long as it takes. */
export type Length = number | 'unknown';

export interface AskedRequest {
  readonly method: string;
  /** Path and query, as they came. */
  readonly target: string;
  /** As the client wrote it, with a port where one was written. */
  readonly host: string;
  readonly headers: HeaderList;
  /** The client's Connection header in lower case; '' in HTTP/2, which has none. */
  readonly connection: string;
  readonly length: Length;
  /** The protocol that the client wants to go on with; '' where none. */
  readonly upgrade: string;
  readonly asker: Asker;
}

/** Whoever asked, in whatever version of HTTP. */
export interface Client {
  readonly request: AskedRequest;
  /** The head of the answer; it may wait until `settle`, so that it travels with what follows at once. */
  head(status: number, headers: HeaderList, length: Length): void;
  /** The bytes are lent until `settle` or `end`. */
  write(payload: Buffer): void;
  end(trailers?: HeaderList): void;
  /** What was written so far goes out. False: no more for now; `clientDrained` tells when. */
  settle(): boolean;
  /** The answer broke off: the client must not take what it has for the whole. */
  destroy(): void;
  /** More of the request's body, or none for now. */
  flow(on: boolean): void;
  /** Leaves HTTP: the connection itself, after the head of status 101 was written. Undefined in HTTP/2. */
  takeOver(): { readonly socket: Duplex; readonly head: Buffer } | undefined;
}

/** What a client tells the exchange that answers it. */
export interface ClientEvents {
  begin(): void;
  requestBody(payload: Buffer): void;
  requestEnd(trailers?: HeaderList): void;
  clientDrained(): void;
  clientGone(): void;
}

export interface ForwardedRequest {
  readonly method: string;
  readonly target: string;
  readonly host: string;
  /** Without those that tell the length. */
  readonly headers: HeaderList;
  readonly length: Length;
  readonly upgrade: string;
}

/** One try at one backend. */
export interface Try {
  /** False: no more for now; `TryEvents.backendDrained` tells when. */
  write(payload: Buffer): boolean;
  end(trailers?: HeaderList): void;
  flow(on: boolean): void;
  /** Nobody wants the answer any more. */
  cancel(): void;
}

export interface TryEvents {
  answerHead(status: number, headers: HeaderList, length: Length): void;
  /** The bytes are lent: they are somebody else's once `answerSettled` or `answerEnd` has returned. */
  answerBody(payload: Buffer): void;
  answerEnd(trailers?: HeaderList): void;
  /** All that arrived at once was told. */
  answerSettled(): void;
  backendDrained(): void;
  /** Whether the backend cannot have begun to work on it. */
  failed(error: Error, untouched: boolean): void;
  upgraded(headers: HeaderList, socket: Duplex, head: Buffer): void;
}
