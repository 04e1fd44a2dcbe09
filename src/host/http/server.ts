import { X509Certificate } from 'node:crypto';
import type { Server as Http1Server, IncomingMessage } from 'node:http';
import { createServer as createHttp2, type Http2Server, type ServerHttp2Session } from 'node:http2';
import type { AddressInfo, Server as NetServer, Socket } from 'node:net';
import { createServer as createTls, type TLSSocket, type Server as TlsServer } from 'node:tls';
import { ApiError } from '../../api/error.ts';
import type { ApiRequest, Caller, Transport } from '../../api/wire.ts';
import type { Env, Millis } from '../../base/env.ts';
import { SparingLog } from '../../base/sparing-log.ts';
import { createServer as createHttp1, type ServerResponse } from '../node-http.ts';
import { certificatesIn, type Pair } from '../x509/certificate.ts';
import { answerOfError, writeAnswer } from './answer.ts';
import { anonymous, type Identity, identityOf } from './caller.ts';
import { deadlines, limits } from './limits.ts';
import { assertLocalOrigin, assertLoopback } from './loopback.ts';
import { PlainConnections } from './plain-connections.ts';
import { GoneStop, hasBody, namesOneHost, type Outgoing, type Report, readBody, requestOf } from './request.ts';
import { Rounds } from './rounds.ts';
import { StreamRequests } from './stream-requests.ts';
import { refuseBadRequest, unknownMethodRequest } from './unknown-method.ts';
import { leavesHttp, refusal, serveUpgrade, stopWith, upgradeDuplex } from './upgrade.ts';

export interface Address {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
}

export interface HttpServerOptions {
  readonly listen: Address;
  readonly pair: Pair;
  /** PEM of the authorities whose client certificates are believed. */
  readonly clientAuthority: string;
  /** Plain HTTP for people who want curl. Loopback only, because whoever reaches it is `caller`. */
  readonly insecure?: Address & { readonly caller: Caller };
}

export interface HttpServer {
  readonly port: number;
  readonly insecurePort: number | undefined;
  /**
   * Another certificate and other authorities, for connections from now on. Who is connected by the word of an
   * authority that is believed no longer has to come again.
   */
  replaceTrust(pair: Pair, clientAuthority: string): void;
  /** No new requests; those that run may finish; what still runs after the grace is cut. */
  close(grace?: Millis): Promise<void>;
}

const identityKey = Symbol('identity');
type Known = { [identityKey]?: Identity };

/** One TLS listener: ALPN hands each connection to HTTP/2 or to HTTP/1.1, and upgrades travel on the latter. */
export async function serveHttp(env: Env, transport: Transport, options: HttpServerOptions): Promise<HttpServer> {
  const front = new Front(env, transport);
  let believed = options.clientAuthority;
  const tls = front.tlsServer(options);
  const insecure = options.insecure ? front.plainServer(options.insecure) : undefined;
  const port = await listen(tls, options.listen);
  try {
    const insecurePort = insecure && options.insecure ? await listen(insecure, options.insecure) : undefined;
    return {
      port,
      insecurePort,
      replaceTrust: (pair, clientAuthority) => {
        tls.setSecureContext(secrets(clientAuthority, pair));
        const isNarrower = certificatesIn(believed).some((one) => !clientAuthority.includes(one));
        believed = clientAuthority;
        if (isNarrower) front.showOut(certificatesIn(believed));
      },
      close: (ms) => front.close(ms),
    };
  } catch (error) {
    await front.close(0);
    throw error;
  }
}

const secrets = (clientAuthority: string, pair: Pair) => ({
  cert: pair.certificate,
  key: pair.key,
  ca: clientAuthority,
  minVersion: 'TLSv1.2' as const,
});

function listen(server: NetServer, at: Address): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(new Error(`listen on ${at.host}:${at.port}`, { cause: error })));
    server.listen(at.port, at.host, () => resolve((server.address() as AddressInfo).port));
  });
}

class Front {
  readonly #env: Env;
  readonly #refusals: SparingLog;
  readonly #transport: Transport;
  readonly #plain: PlainConnections;
  readonly #streams: StreamRequests;
  readonly #http1: Http1Server;
  readonly #http2: Http2Server;
  readonly #listeners: NetServer[] = [];
  readonly #sockets = new Set<Socket>();
  /** Those of the connections that are somebody's by a certificate. */
  readonly #known = new Set<TLSSocket>();
  readonly #sessions = new Set<ServerHttp2Session>();
  /** Watches, streams and upgrades: they end when asked to, not by themselves. */
  readonly #endless = new Set<() => void>();
  readonly #rounds: Rounds;
  /** The newest on each connection. */
  readonly #lastAnswers = new WeakMap<Socket, ServerResponse>();
  #closing = false;
  readonly #report: Report = (error, { method, url }, from) => {
    const path = url.split('?')[0];
    if (error instanceof ApiError) {
      const { code, message } = error;
      if (code < 500) this.#refusals.info('a request was refused', { method, path, code, error: message, from });
      return;
    }
    this.#env.metrics.count('mini_k8s_http_failures_total', { method });
    this.#env.log.error('a request failed', { method, path, error });
  };

  constructor(env: Env, transport: Transport) {
    this.#env = env;
    this.#refusals = new SparingLog(env);
    this.#transport = transport;
    this.#http1 = this.#http1Server((incoming) => (incoming.socket as Known)[identityKey] ?? anonymous);
    // It never listens itself, but it looks for clients that send their headers too slowly only once it "does".
    this.#http1.emit('listening');
    this.#rounds = new Rounds(() => env.clock.monotonic());
    const shared = { transport, endless: this.#endless, report: this.#report, rounds: this.#rounds };
    this.#streams = new StreamRequests({ ...shared, isClosing: () => this.#closing });
    this.#http2 = createHttp2({ settings: { maxConcurrentStreams: limits.streamsPerSessionMax } });
    this.#http2.on('session', (session) => this.#track(session));
    this.#plain = new PlainConnections({ ...shared, handOver: (socket, rest) => this.#handOver(socket, rest) });
  }

  tlsServer(options: HttpServerOptions): TlsServer {
    const server = createTls(
      {
        ...secrets(options.clientAuthority, options.pair),
        ALPNProtocols: ['h2', 'http/1.1'],
        requestCert: true,
        // Judged per request: the answer to a certificate of a stranger is a 401, not a broken handshake.
        rejectUnauthorized: false,
        handshakeTimeout: deadlines.handshakeMs,
        noDelay: true,
        keepAlive: true,
        keepAliveInitialDelay: deadlines.keepAliveProbeMs,
      },
      (socket) => this.#welcome(socket),
    );
    server.on('tlsClientError', (error) => {
      this.#env.metrics.count('apiserver_tls_handshake_errors_total');
      this.#env.log.debug('a TLS handshake failed', { error: error.message });
    });
    this.#register(server);
    return server;
  }

  plainServer(options: NonNullable<HttpServerOptions['insecure']>): NetServer {
    assertLoopback(options.host);
    const identity: Identity = { ...anonymous, caller: options.caller };
    const server = this.#http1Server((incoming) => {
      assertLocalOrigin(incoming);
      return identity;
    });
    this.#register(server);
    return server;
  }

  async close(grace: Millis = 5_000): Promise<void> {
    this.#closing = true;
    const closed = this.#listeners.map((server) => new Promise((resolve) => server.close(resolve)));
    for (const end of [...this.#endless]) end();
    for (const session of this.#sessions) session.close();
    this.#plain.close();
    this.#http1.closeIdleConnections();
    const timer = setTimeout(() => this.#cut(), grace);
    // TLS connections count as the listener's until they are gone; HTTP/1.1 ones idle on until looked at again.
    const sweep = setInterval(() => this.#http1.closeIdleConnections(), 50);
    await Promise.all(closed);
    clearTimeout(timer);
    clearInterval(sweep);
    // Ends the search for slow clients.
    this.#http1.close();
    this.#rounds.close();
  }

  /** Those whose certificate none of these has signed: as if the connection had broken. */
  showOut(authorities: readonly string[]): void {
    const keys = authorities.map((text) => new X509Certificate(text).publicKey);
    for (const socket of this.#known) {
      const certificate = socket.getPeerX509Certificate();
      if (!keys.some((key) => certificate?.verify(key))) socket.destroy();
    }
  }

  #cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #register(server: NetServer): void {
    this.#listeners.push(server);
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  #welcome(socket: TLSSocket): void {
    const identity = identityOf(socket);
    (socket as Known)[identityKey] = identity;
    if (identity.caller) {
      const leftSeconds = (identity.until - Date.now()) / 1000;
      this.#env.metrics.observe('apiserver_client_certificate_expiration_seconds', leftSeconds);
      this.#known.add(socket);
      socket.once('close', () => this.#known.delete(socket));
    }
    socket.on('error', (error) => this.#env.log.debug('a connection broke', { error: error.message }));
    if (socket.alpnProtocol === 'h2') {
      this.#http2.emit('connection', socket);
      return;
    }
    this.#plain.add(socket, (socket as Known)[identityKey] ?? anonymous);
  }

  /** What is too unusual for a plain connection, from this request on. */
  #handOver(socket: TLSSocket, rest: Buffer): void {
    this.#http1.emit('connection', socket);
    // Otherwise the parser reads from the connection by itself, and when a long answer is still on its way as the next
    // request begins it is paused in the middle of what it is given: it takes that for a broken request.
    socket.on('data', ignored);
    socket.emit('data', rest);
  }

  #track(session: ServerHttp2Session): void {
    const identity = (session.socket as Known)[identityKey] ?? anonymous;
    let streams = 0;
    session.on('stream', (stream, headers) => {
      streams++;
      stream.once('close', () => streams--);
      this.#streams.serve(stream, headers, identity);
    });
    // A quiet watch is not idle; a session without a stream is.
    session.setTimeout(deadlines.idleMs, () => streams === 0 && session.close());
    this.#sessions.add(session);
    session.once('close', () => this.#sessions.delete(session));
  }

  #http1Server(identify: (incoming: IncomingMessage) => Identity): Http1Server {
    const options = {
      maxHeaderSize: limits.headerBytesMax,
      headersTimeout: deadlines.headersMs,
      requestTimeout: deadlines.requestMs,
      connectionsCheckingInterval: deadlines.headersMs / 8,
      keepAliveTimeout: deadlines.idleMs,
      noDelay: true,
      optimizeEmptyRequests: true,
      // Looked at here: Node's own refusal goes on to read what stands behind, and two of them it does not mind.
      requireHostHeader: false,
      shouldUpgradeCallback: leavesHttp,
    };
    const server = createHttp1(options, (incoming, outgoing) => {
      if (this.#closing) outgoing.shouldKeepAlive = false;
      // What stands behind a refused request was read together with it.
      if (incoming.socket.writableEnded) return;
      this.#lastAnswers.set(incoming.socket, outgoing);
      if (namesOneHost(incoming)) this.#guard(incoming, outgoing, identify);
      else this.#refuse(incoming.socket, 'it must name one host');
    });
    server.on('clientError', (error, socket) => {
      this.#unparsed(error, socket as Socket, identify).catch(() => socket.destroy());
    });
    server.on(
      'upgrade',
      (incoming, socket, head) => void this.#upgrade(incoming, socket as Socket, { head, identify }),
    );
    return server;
  }

  /** What the parser refused: a method that it does not know is still answered as its path deserves. */
  async #unparsed(error: Error, socket: Socket, identify: (incoming: IncomingMessage) => Identity): Promise<void> {
    const under = this.#lastAnswers.get(socket);
    // Whoever sends a body without saying so is answered, and then let go: nobody knows what the rest is.
    if (under?.req.complete && !under.writableFinished) {
      if (!under.headersSent) under.shouldKeepAlive = false;
      socket.pause();
      under.once('close', () => socket.destroySoon());
      return;
    }
    const incoming = unknownMethodRequest(error, socket);
    if (!incoming) return this.#refuse(socket, error.message);
    const asked = asking(incoming);
    try {
      const answer = await this.#transport(requestOf(incoming, identify(incoming), stopWith(socket)));
      await writeAnswer(refusal(incoming, socket), asked, answer);
    } catch (cause) {
      this.#report(cause, asked, socket.remoteAddress);
      await writeAnswer(refusal(incoming, socket), asked, answerOfError(cause));
    }
  }

  #guard(incoming: IncomingMessage, outgoing: Outgoing, identify: (incoming: IncomingMessage) => Identity): void {
    let identity: Identity;
    try {
      identity = identify(incoming);
    } catch (error) {
      this.#report(error, asking(incoming), incoming.socket.remoteAddress);
      void writeAnswer(outgoing, asking(incoming), answerOfError(error));
      return;
    }
    this.#serve(incoming, outgoing, identity);
  }

  #serve(incoming: IncomingMessage, outgoing: Outgoing, identity: Identity): void {
    const asked = asking(incoming);
    this.#answer(incoming, outgoing, identity).catch((error: unknown) => {
      this.#report(error, asked, identity.from);
      if (outgoing.headersSent || outgoing.destroyed) return outgoing.destroy();
      return void writeAnswer(outgoing, asked, answerOfError(error));
    });
  }

  async #answer(incoming: IncomingMessage, outgoing: Outgoing, identity: Identity): Promise<void> {
    let request = requestOf(incoming, identity, new GoneStop(outgoing));
    if (hasBody(incoming)) {
      const body = await readBody(incoming);
      if (body) request = { ...request, body };
    }
    const answer = await this.#transport(request);
    if (!('watch' in answer) && !('stream' in answer)) return writeAnswer(outgoing, request, answer);
    const end = () => outgoing.end();
    if (this.#closing) throw new ApiError('ServiceUnavailable', 'the server is shutting down');
    this.#endless.add(end);
    outgoing.once('close', () => this.#endless.delete(end));
    await writeAnswer(outgoing, request, answer);
  }

  async #upgrade(
    incoming: IncomingMessage,
    socket: Socket,
    how: { readonly head: Uint8Array; readonly identify: (incoming: IncomingMessage) => Identity },
  ): Promise<void> {
    const end = () => socket.destroy();
    const duplex = upgradeDuplex(socket, how.head);
    this.#endless.add(end);
    socket.once('close', () => this.#endless.delete(end));
    const asked = asking(incoming);
    try {
      const request: ApiRequest = { ...requestOf(incoming, how.identify(incoming), stopWith(socket)), duplex };
      const answer = await this.#transport(request);
      if ('upgrade' in answer) await serveUpgrade(incoming, socket, duplex, answer);
      else await writeAnswer(refusal(incoming, socket), asked, answer);
    } catch (error) {
      this.#report(error, asked, socket.remoteAddress);
      if (socket.bytesWritten === 0 || !socket.destroyed)
        await writeAnswer(refusal(incoming, socket), asked, answerOfError(error));
    }
  }

  /** What is no request, or could be read as two. */
  #refuse(socket: Socket, error: string): void {
    this.#refusals.info('a request was refused', { code: 400, error, from: socket.remoteAddress });
    refuseBadRequest(socket);
  }
}

const asking = (incoming: IncomingMessage) => ({
  method: incoming.method ?? '',
  url: incoming.url ?? '',
  headers: incoming.headers as ApiRequest['headers'],
});

const ignored = (): void => {};
