import { addressBytes } from '../api/kinds/addresses.ts';
import { decodeText } from '../base/json.ts';
import type { DnsRecord } from './dns-message.ts';

/** A record as zone files and `dig` write it. */
export function recordText(record: DnsRecord): string {
  const type = typeof record.type === 'number' ? `TYPE${record.type}` : record.type;
  return `${record.name}.\t${record.ttl}\t${type}\t${dataText(record)}`;
}

function dataText(record: DnsRecord): string {
  if ('bytes' in record) return `\\# ${record.bytes.length}`;
  if ('address' in record) return record.address;
  if (record.type === 'SRV') return `${record.priority} ${record.weight} ${record.port} ${record.target}.`;
  if (record.type === 'MX') return `${record.preference} ${record.target}.`;
  if ('target' in record) return `${record.target}.`;
  if (record.type === 'TXT') return record.texts.map((text) => JSON.stringify(decodeText(text))).join(' ');
  const times = [record.serial, record.refresh, record.retry, record.expire, record.minimum];
  return `${record.server}. ${record.mailbox}. ${times.join(' ')}`;
}

/** The name under which the tree of addresses knows this one; nothing for what is no address. */
export function reverseName(ip: string): string | undefined {
  const bytes = addressBytes(ip);
  if (bytes?.length === 4) return `${bytes.toReversed().join('.')}.in-addr.arpa`;
  const digits = bytes?.flatMap((byte) => [byte >>> 4, byte & 15]).map((digit) => digit.toString(16));
  return digits && `${digits.toReversed().join('.')}.ip6.arpa`;
}
