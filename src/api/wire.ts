import type { Json } from '../base/json.ts';
import type { Stop } from '../base/stop.ts';
import type { KubeObject } from './object.ts';

/** A two-way byte stream: an upgraded connection, a port inside a sandbox. */
export interface Duplex {
  readonly incoming: AsyncIterable<Uint8Array>;
  write(bytes: Uint8Array): Promise<void>;
  end(): void;
}

/** Who asks: filled in by authentication; impersonation replaces it and keeps who did it. */
export interface Caller {
  readonly name: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra: Readonly<Record<string, readonly string[]>>;
  readonly by?: Caller;
}

/**
 * What travels: an object as it is (direct calls), or bytes with their media type (JSON, protobuf, YAML, patches: the
 * text is needed for duplicate fields, so it is decoded inside).
 */
export type Payload = { readonly object: Json } | { readonly bytes: Uint8Array; readonly mediaType: string };

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD' | 'OPTIONS';

export interface ApiRequest {
  readonly method: Method;
  /** Without the query; percent-encoding as it came. */
  readonly path: string;
  /** Repeated keys count: command=a&command=b. */
  readonly query: readonly (readonly [string, string])[];
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly caller?: Caller;
  /** The address it came from, where it came over a network. */
  readonly from?: string;
  readonly body?: Payload;
  /** The connection itself, where the request asks for an upgrade. */
  readonly duplex?: Duplex;
  readonly stop: Stop;
}

export interface WatchEvent<T = KubeObject> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: T;
  /** The event's bytes in that media type, framed: made once and shared by all watchers. */
  readonly encoded?: (mediaType: string) => Uint8Array;
}

/**
 * A watch is pushed in batches (all that one commit batch caused), never one promise per event and watcher. 'full'
 * asks the source to close it: a slow watcher is closed, never skipped.
 */
export interface Watching<T = KubeObject> {
  /** Called once. What is already there is given before it returns. */
  onBatch(take: (batch: readonly WatchEvent<T>[]) => 'more' | 'full'): void;
  onEnd(done: (error?: unknown) => void): void;
  /** Told by whoever writes them out: how many bytes so many events were. */
  wrote?(bytes: number, events: number): void;
}

/** Bytes that are made while they are written out. */
export interface Pieces {
  /** Puts what comes next into the room, and tells how many bytes that were: none at the end. */
  fill(room: Uint8Array): Promise<number>;
  /** How many bytes it were, once all of them are made. */
  onEnd(told: (bytes: number) => void): void;
}

export type ApiResponse = { readonly status: number; readonly headers?: Readonly<Record<string, string>> } & (
  | { readonly body: Payload }
  /** Cached bytes, joined by whoever writes them out. */
  | { readonly chunks: readonly Uint8Array[]; readonly mediaType: string }
  /** A long list: nobody holds all of it. */
  | { readonly pieces: Pieces; readonly mediaType: string }
  | { readonly watch: Watching; readonly mediaType: string }
  /** Logs. */
  | { readonly stream: AsyncIterable<Uint8Array>; readonly mediaType: string }
  /** exec, attach, port-forward, proxy of upgrades. */
  | { readonly upgrade: string; serve(peer: Duplex): Promise<void> }
);

/**
 * THE seam. `ApiServer.handle` has this type; so do an HTTP client, a direct call, and the simulator's lossy network.
 * A server's own calls outward (webhooks, aggregated APIs, nodes) go through one too, given to it as a port.
 */
export type Transport = (request: ApiRequest) => Promise<ApiResponse>;

export const jsonType = 'application/json';
export const yamlType = 'application/yaml';
/** One JSON value a line. */
export const linesType = 'application/x-ndjson';
export const protobufType = 'application/vnd.kubernetes.protobuf';

/** The first value of a query key. */
export function queryValue(query: ApiRequest['query'], key: string): string | undefined {
  return query.find(([name]) => name === key)?.[1];
}
/** What a direct call accepts: objects as they are, no bytes between. Over a network it means JSON. */
export const objectType = 'application/vnd.mini-k8s.object';

const roomBytes = 64 * 1024;
/** All of it at once, for those who cannot use it otherwise. */
export async function collected(pieces: Pieces): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const room = new Uint8Array(roomBytes);
    const count = await pieces.fill(room);
    if (count === 0) break;
    parts.push(room.subarray(0, count));
    size += count;
  }
  const whole = new Uint8Array(size);
  for (const part of parts.reverse()) {
    size -= part.length;
    whole.set(part, size);
  }
  return whole;
}
