import { execFile } from 'node:child_process';
import { anyAddress, type Backend, type Route } from '../../../network/dataplane.ts';

/** More backends than this that leave at once take all conversations of their service along. */
const singlyMax = 16;
const deadlineMs = 5_000;

/** Conversations over UDP have no end that a kernel could see: those that lead to nobody have to be forgotten. */
export type Stale = readonly string[];

/** What the kernel must forget so that datagrams follow a route as it is now. */
export function staleOf(before: Route | undefined, after: Route | undefined): readonly Stale[] {
  const route = after ?? before;
  if (route?.protocol !== 'UDP') return [];
  const place = [
    ...(route.vip === anyAddress.IPv4 || route.vip === anyAddress.IPv6 ? [] : ['--orig-dst', route.vip]),
    ...['--orig-port-dst', String(route.port)],
    ...(route.vip.includes(':') ? ['-f', 'ipv6'] : []),
  ];
  const now = new Set(everyone(after).map(text));
  const left = everyone(before).filter((backend) => !now.has(text(backend)));
  // Who sent something before anybody answered is remembered as having been led nowhere.
  const first = everyone(before).length === 0 && now.size > 0;
  if (first || left.length > singlyMax) return [place];
  return left.map(({ ip }) => [...place, '--dst-nat', ip]);
}

const everyone = (route: Route | undefined): readonly Backend[] => [
  ...(route?.backends ?? []),
  ...(route?.outside ?? []),
];
const text = ({ ip, port }: Backend): string => `${ip} ${port}`;

/** Only a tool of its own can do it. Answers false where that is not there. */
export async function forget(stale: readonly Stale[]): Promise<boolean> {
  for (const words of stale) if (!(await conntrack(['-D', '-p', 'udp', ...words]))) return false;
  return true;
}

function conntrack(words: readonly string[]): Promise<boolean> {
  return new Promise((resolve) => {
    // It fails where there was nothing to forget.
    execFile('conntrack', words, { timeout: deadlineMs }, (error) => resolve(error?.code !== 'ENOENT'));
  });
}
