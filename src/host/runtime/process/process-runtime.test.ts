import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runtimeConformance } from '../../../agent/runtime.conformance.ts';
import { hostEnv } from '../../env.ts';
import { NamedAddresses } from './addresses.ts';
import { ProcessRuntime } from './process-runtime.ts';

const shell = (script: string) => ({ image: 'host', command: ['sh', '-c', script] });
const script = (text: string) => ({ image: 'host', command: [process.execPath, '-e', text] });

runtimeConformance(
  'process',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'process-runtime-'));
    const addresses = new NamedAddresses({ file: join(folder, 'addresses.json'), cidr: '10.244.0.0/24' });
    const runtime = new ProcessRuntime(hostEnv(), { root: join(folder, 'pods'), addresses });
    return {
      runtime,
      wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
      dispose: async () => {
        for (const { id } of (await runtime.list()).sandboxes) await runtime.closeSandbox(id);
        rmSync(folder, { recursive: true });
      },
    };
  },
  {
    forever: shell('exec sleep 1000'),
    succeeds: shell('exit 0'),
    fails: shell('exit 3'),
    says: shell('printf "one\\ntwo\\n"; sleep 0.01; printf "three\\n"'),
    stubborn: shell('trap "" TERM; echo ready; while true; do sleep 0.05; done'),
    serves: script(
      'require("net").createServer(s => s.end(process.env.POD_IP))' +
        '.listen(process.env.PORT, process.env.HOST, () => console.log("ready"))',
    ),
    missing: { image: 'host', command: ['no-such-command-anywhere'] },
    hears: shell('while read line; do echo "heard $line"; done'),
    exec: { hello: ['echo', 'hello'], fails: ['sh', '-c', 'exit 3'] },
    invalidImage: 'nginx:1.27',
  },
);
