import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { isAlive, machineMs, readHolds } from './hold-file.ts';

// The guard: ends the containers of sandboxes that nobody holds any more, also where the agent has died. There is one
// for each node, and only while somebody is held.
//   node guard.js FILE SOCKET LABEL...

const tickMs = 1_000;
const soonMs = 100;
const [file = '', socketPath = '', sandboxLabel = '', ...labels] = process.argv.slice(2);

process.on('SIGHUP', () => {});
process.on('SIGINT', () => {});
leaveGroup();
void tick();

async function tick(): Promise<void> {
  const holds = readHolds(file);
  // Another one has taken over, or nobody is held any more.
  if (!holds || holds.guard !== process.pid || Object.keys(holds.until).length === 0) process.exit(0);
  const now = machineMs();
  const times = Object.entries(holds.until);
  const over = times.filter(([, at]) => at <= now).map(([sandbox]) => sandbox);
  let found = 0;
  let failed = false;
  for (const sandbox of over) {
    try {
      found += await end(sandbox);
    } catch {
      // The engine may be away for a moment: what it runs is ended once it is back.
      failed = true;
    }
  }
  // Nothing runs, and nobody is there who could start it again.
  if (over.length === times.length && found === 0 && !failed && !isAlive(holds.agent)) process.exit(0);
  const next = Math.min(...times.map(([, at]) => at - now).filter((left) => left > 0), found > 0 ? soonMs : tickMs);
  setTimeout(() => void tick(), Math.max(1, next));
}

/** Answers how many ran. */
async function end(sandbox: string): Promise<number> {
  const label = [...labels, `${sandboxLabel}=${sandbox}`];
  const filters = encodeURIComponent(JSON.stringify({ label, status: ['running', 'paused'] }));
  const running = JSON.parse(await ask('GET', `/containers/json?filters=${filters}`)) as readonly { Id: string }[];
  await Promise.all(running.map(({ Id }) => ask('POST', `/containers/${Id}/kill?signal=SIGKILL`)));
  return running.length;
}

function ask(method: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, method, path, timeout: tickMs }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('error', reject);
      response.on('end', () => resolve(text));
    });
    asked.on('timeout', () => asked.destroy(new Error('the engine does not answer')));
    asked.on('error', reject);
    asked.end();
  });
}

/** Whoever ends all processes of the agent's service at once would end the guard with them. */
function leaveGroup(): void {
  for (const folder of ['/sys/fs/cgroup', '/sys/fs/cgroup/systemd']) {
    try {
      writeFileSync(`${folder}/cgroup.procs`, String(process.pid));
    } catch {
      // Not this version of groups, or not for us.
    }
  }
}
