import { hostEnv } from '../src/host/env.ts';
import { HttpProxy } from '../src/host/network/http/http-proxy.ts';
import type { HttpTable } from '../src/network/http-table.ts';

// The proxy of this package as a process of its own, so that its processor time can be told: PORT BACKEND-PORT...
const [port = 0, ...ports] = process.argv.slice(2).map(Number);
const backends = ports.map((backend) => ({ ip: '127.0.0.1', port: backend }));
const pool = { name: 'default/web:80', protocol: 'http1', backends } as const;
const table: HttpTable = {
  listeners: [
    {
      port,
      tls: false,
      certificates: [],
      sites: [
        {
          host: '',
          star: 'many',
          hosts: [
            {
              host: '',
              star: 'one',
              rules: [
                {
                  path: { type: 'Prefix', value: '/' },
                  action: { type: 'forward', choices: [{ weight: 1, pool }] },
                  source: 'bench',
                },
              ],
            },
          ],
        },
      ],
    },
  ],
};
const proxy = new HttpProxy({ env: hostEnv(), host: '127.0.0.1', places: (wanted) => [wanted] });
await proxy.replace(table);
process.stdout.write('ready\n');
