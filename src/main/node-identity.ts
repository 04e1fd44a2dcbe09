import { X509Certificate } from 'node:crypto';
import { kubeletClientSigner } from '../api/kinds/certificate-signers.ts';
import {
  type CertificateSigningRequest,
  certificateSigningRequests,
} from '../api/kinds/certificate-signing-request.ts';
import { partOf, partsOf, textOf } from '../api/kinds/defaulting.ts';
import type { Transport } from '../api/wire.ts';
import { type Component, type Env, type Millis, Stopped, sleep } from '../base/env.ts';
import type { Followed } from '../base/followed.ts';
import type { Stop } from '../base/stop.ts';
import { Client } from '../client/client.ts';
import type { Access } from '../host/http/client.ts';
import { keepPair, matching, readPair } from '../host/x509/authority.ts';
import { certificatesIn, type Pair, requestFor, subjectOf } from '../host/x509/certificate.ts';

const file = 'node-client';
const lookAgainMs: Millis = 500;
const tryAgainMs: Millis = 5_000;
/** As often it is looked whether a certificate is old: a clock may have been put right meanwhile. */
const lookMs: Millis = 10_000;
/** A part of the time of a certificate after which another one is asked for: not by all nodes at once. */
const oldFrom = 0.7;
const oldWithin = 0.2;

export interface NodeIdentityParts {
  readonly env: Env;
  readonly node: string;
  /** Where the certificate is kept, for the node's own eyes. */
  readonly folder: string;
  /** Whose right it is to ask for a first certificate. */
  readonly bootstrap: Followed<Access>;
  readonly connect: (access: Access) => Transport;
}

/** By which certificate a node is known: asked for once, kept in its folder, and asked for anew by the node itself. */
export class NodeIdentity implements Component {
  readonly name: string;
  readonly #parts: NodeIdentityParts;
  readonly #share: number;
  /** Others are believed now: a certificate of theirs is due. */
  #isStale = false;
  #current: { readonly pair: Pair; readonly transport: Transport } | undefined;

  constructor(parts: NodeIdentityParts) {
    this.#parts = parts;
    this.name = `node-identity/${parts.node}`;
    this.#share = oldFrom + oldWithin * parts.env.random.float();
    parts.bootstrap.follow(() => {
      this.#isStale = true;
      if (this.#current) this.#use(this.#current.pair);
    });
  }

  /** Speaks as the node, by whichever certificate it has. */
  readonly transport: Transport = (request) => {
    if (!this.#current) throw new Error('a node without a certificate speaks to nobody');
    return this.#current.transport(request);
  };

  /** Resolved once there is a certificate: somebody may have to approve it. */
  async obtain(stop: Stop): Promise<void> {
    const { env, folder, bootstrap, connect, node } = this.#parts;
    const kept = readPair(folder, file);
    if (kept && this.#isGood(kept)) return this.#use(kept);
    env.log.info('the node asks for its certificate', { node });
    this.#use(keepPair(folder, file, await this.#asked(connect(bootstrap.now), stop)));
  }

  async run(stop: Stop): Promise<void> {
    const { env, folder, node, bootstrap, connect } = this.#parts;
    for (;;) {
      try {
        const pair = this.#current?.pair;
        const left = this.#isStale ? 0 : pair ? this.#youngMs(pair) : lookMs;
        if (left > 0) {
          await sleep(env.clock, Math.min(left, lookMs), stop);
          continue;
        }
        // Who was away for too long begins anew.
        const speaks = pair && this.#isGood(pair) ? this.transport : connect(bootstrap.now);
        this.#use(keepPair(folder, file, await this.#asked(speaks, stop)));
        this.#isStale = false;
        env.log.info('the node has another certificate', { node });
      } catch (error) {
        if (stop.stopped || error instanceof Stopped) return;
        env.log.error('the node could not renew its certificate', { node, error });
        await sleep(env.clock, tryAgainMs, stop).catch(() => {});
      }
    }
  }

  #use(pair: Pair): void {
    const { server, ca, insecure } = this.#parts.bootstrap.now;
    const access = { server, ...(ca ? { ca } : {}), ...(insecure ? { insecure } : {}) };
    const transport = this.#parts.connect({ ...access, cert: pair.certificate, key: pair.key });
    this.#current = { pair, transport };
  }

  /** It is this node's, of an authority of this cluster, and has not ended. */
  #isGood(pair: Pair): boolean {
    const { env, bootstrap } = this.#parts;
    const certificate = matching(pair);
    if (!certificate || subjectOf(certificate).name !== this.#subject.name) return false;
    const authorities = certificatesIn(bootstrap.now.ca ?? '');
    const isOurs = authorities.some((text) => certificate.verify(new X509Certificate(text).publicKey));
    return isOurs && certificate.validToDate.getTime() > env.clock.now();
  }

  /** How long until another one should be asked for. */
  #youngMs(pair: Pair): Millis {
    const { validFromDate: from, validToDate: until } = new X509Certificate(pair.certificate);
    const age = this.#parts.env.clock.now() - from.getTime();
    return this.#share * (until.getTime() - from.getTime()) - age;
  }

  get #subject() {
    return { name: `system:node:${this.#parts.node}`, groups: ['system:nodes'] };
  }

  async #asked(transport: Transport, stop: Stop): Promise<Pair> {
    const { env, node } = this.#parts;
    const { request, key } = requestFor(this.#subject);
    const client = new Client(transport);
    const made = await client.send<CertificateSigningRequest>({
      verb: 'create',
      kind: certificateSigningRequests,
      object: {
        metadata: { generateName: 'csr-' },
        spec: {
          request: Buffer.from(request).toString('base64'),
          signerName: kubeletClientSigner,
          usages: ['digital signature', 'client auth'],
        },
      } as never,
    });
    const { name } = made.metadata;
    for (;;) {
      const { status } = await client.get(certificateSigningRequests, { namespace: '', name });
      const given = textOf(partOf(status).certificate);
      if (given) return { certificate: Buffer.from(given, 'base64').toString('utf8'), key };
      const refused = partsOf(partOf(status).conditions).find(({ type }) => type === 'Denied' || type === 'Failed');
      if (refused) {
        const why = `${textOf(refused.type)}: ${textOf(refused.message)}`;
        throw new Error(`node ${node}: its certificate request ${name} was refused, ${why}`);
      }
      await sleep(env.clock, lookAgainMs, stop);
    }
  }
}
