import { UsageError } from '../cli/flags.ts';
import { relay } from '../host/http/relay.ts';
import type { ServerOptions } from '../server/server.ts';
import type { ServerSettings } from './settings.ts';

/** How the server asks a Prometheus, where there is one. Loaded when it is first asked. */
export function externalMetricsOf({ prometheus }: ServerSettings): Pick<ServerOptions, 'externalMetrics'> {
  if (prometheus === undefined) return {};
  const found = /^(?<scheme>https?):\/\/(?<host>\[[0-9a-fA-F:]+\]|[^:/]+)(:(?<port>\d{1,5}))?\/?$/.exec(
    prometheus,
  )?.groups;
  const port = Number(found?.port ?? (found?.scheme === 'https' ? 443 : 80));
  if (!found || port > 65_535) {
    const form = 'http://ADDRESS:PORT such as http://127.0.0.1:9090';
    throw new UsageError(`--prometheus is ${form}, not ${JSON.stringify(prometheus)}`);
  }
  const host = (found.host as string).replace(/^\[|\]$/g, '');
  const transport = relay({ scheme: found.scheme as 'http' | 'https', host, port });
  return {
    externalMetrics: async (env) => {
      const { ExternalMetrics } = await import('../server/resource-metrics/external-metrics.ts');
      return new ExternalMetrics(env, transport);
    },
  };
}
