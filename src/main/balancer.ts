import { rangeOf } from '../api/kinds/addresses.ts';
import { UsageError } from '../cli/flags.ts';
import type { BalancerSetting } from '../controllers/cluster.ts';

/** What --load-balancer-pool says; nothing where nobody is to give addresses. */
export function balancerOf(text: string | undefined): { readonly balancer?: BalancerSetting } {
  if (text === undefined) return {};
  if (text === 'localhost') return { balancer: {} };
  const range = rangeOf(text);
  if (range?.bytes.length === 4) return { balancer: { pool: text } };
  const right = 'localhost or a range of IPv4 such as 192.168.50.0/28';
  throw new UsageError(`--load-balancer-pool is ${right}, not ${JSON.stringify(text)}`);
}
