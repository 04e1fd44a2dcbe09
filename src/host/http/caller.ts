import type { TLSSocket } from 'node:tls';
import type { Caller } from '../../api/wire.ts';

/** What a connection says about who speaks on it. */
export interface Identity {
  readonly caller?: Caller;
  /** The address of the other end. */
  readonly from?: string;
  /** The caller's certificate ends here, in wall-clock milliseconds. */
  readonly until: number;
  /** A certificate was shown and is not believed: such a request is answered 401 unless it brings a token. */
  readonly refused: boolean;
}

export const anonymous: Identity = { until: Number.POSITIVE_INFINITY, refused: false };
const refused: Identity = { until: Number.POSITIVE_INFINITY, refused: true };

// The attribute that carries a user's uid in a client certificate.
const uidAttribute = '1.3.6.1.4.1.57683.2';
const allAuthenticated = 'system:authenticated';

/** Asked once per connection, after the handshake. */
export function identityOf(socket: TLSSocket): Identity {
  // A socket that hears both kinds of addresses tells those of IPv4 as part of IPv6.
  const from = socket.remoteAddress?.replace(/^::ffff:(?=\d+\.)/, '');
  return { ...shownBy(socket), ...(from === undefined ? {} : { from }) };
}

/** CN is the name, O are the groups. */
function shownBy(socket: TLSSocket): Identity {
  const certificate = socket.getPeerCertificate();
  if (!certificate?.subject) return anonymous;
  if (!socket.authorized) return refused;
  const subject = certificate.subject as unknown as Readonly<Record<string, string | readonly string[] | undefined>>;
  const name = values(subject.CN).at(-1) ?? '';
  if (name === '') return refused;
  const uid = values(subject[uidAttribute]).at(-1);
  const fingerprint = certificate.fingerprint256.replaceAll(':', '').toLowerCase();
  return {
    refused: false,
    until: Date.parse(certificate.valid_to),
    caller: {
      name,
      ...(uid === undefined ? {} : { uid }),
      groups: [...new Set([...values(subject.O), allAuthenticated])],
      extra: { 'authentication.kubernetes.io/credential-id': [`X509SHA256=${fingerprint}`] },
    },
  };
}

const values = (value: string | readonly string[] | undefined): readonly string[] =>
  value === undefined ? [] : typeof value === 'string' ? [value] : value;
