import { defineFlags } from '../cli/flags.ts';
import { lazyHttpEntry } from './lazy-http-entry.ts';
import { part } from './part-process.ts';
import { addressOf, httpFlags, partFlags } from './settings.ts';

const flags = defineFlags({
  ...partFlags,
  listen: {
    type: 'text',
    default: '127.0.0.1:8081',
    value: 'ADDRESS:PORT',
    help: 'where Services, Ingresses and Gateways are served',
  },
  'https-listen': httpFlags['https-listen'],
  'access-log': httpFlags['access-log'],
  'ingress-only': { type: 'switch', help: 'no Service answers to its mere name' },
});

export const proxy = part(
  { name: 'proxy', summary: 'Let HTTP in to Services, Ingresses and Gateways of any API server', flags },
  ({ env, client, caches }, { values }) => {
    const https = values['https-listen'];
    const accessLog = values['access-log'];
    return [
      lazyHttpEntry({
        env,
        client,
        caches,
        http: addressOf('listen', values.listen),
        ...(https === undefined ? {} : { https: addressOf('https-listen', https) }),
        ...(accessLog === undefined ? {} : { accessLog }),
        entryPoint: !values['ingress-only'],
        // A cluster that serves its Ingresses itself says so already.
        yields: true,
      }),
    ];
  },
);
