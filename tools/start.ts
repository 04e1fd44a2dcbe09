import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

// `npm start`: a cluster in the background with the sample of examples/hello in it. Returns when the sample answers.
const root = join(import.meta.dirname, '..');
const program = join(root, 'bin', 'mini-k8s.cjs');
const sample = join(root, 'examples', 'hello');
const address = 'http://127.0.0.1:30080/';
const answerDeadlineMs = 60_000;
const askAgainAfterMs = 50;
const lastWordsMs = 200;

const begun = performance.now();
const { kubeconfig } = readyLine(await miniK8s(['up', ...process.argv.slice(2)]));
const access = kubeconfig === undefined ? [] : ['--kubeconfig', kubeconfig];
// An image that is a folder is named from the root: here, wherever this clone lies.
const manifest = readFileSync(join(sample, 'hello.yaml'), 'utf8').replaceAll(
  'file:examples/',
  `file:${root}/examples/`,
);
await miniK8s(['apply', '-f', '-', ...access], manifest);
const answer = await firstAnswer();
const seconds = ((performance.now() - begun) / 1000).toFixed(1);

console.log(`A Kubernetes cluster is up, and the sample in it answered after ${seconds} s:`);
console.log(`  ${answer.trim()}`);
console.log(`Try it:   curl ${address}`);
// The Node of this repository by its place: the one in the reader's PATH may be too old.
const node = relative(root, process.execPath);
console.log(`Look:     ${node.startsWith('..') ? 'node' : node} bin/mini-k8s.cjs get pods`);
if (kubeconfig !== undefined) console.log(`kubectl:  export KUBECONFIG=${kubeconfig}`);
console.log('End it:   npm stop');

/** What the command printed on standard output; its failure ends this program with what it said. */
async function miniK8s(words: readonly string[], input = ''): Promise<string> {
  const child = execFile(process.execPath, [program, ...words], { cwd: root });
  let output = '';
  let complaints = '';
  child.stdout?.on('data', (chunk) => (output += chunk));
  child.stderr?.on('data', (chunk) => (complaints += chunk));
  child.stdin?.end(input);
  // 'exit', not only 'close': the cluster in the background may keep the streams that it was born with.
  const closed = once(child, 'close');
  const [code] = await once(child, 'exit');
  await Promise.race([closed, sleep(lastWordsMs)]);
  if (code !== 0) {
    process.stderr.write(`mini-k8s ${words.join(' ')} ended with ${code}\n${output}${complaints}`);
    process.exit(1);
  }
  child.stdout?.destroy();
  child.stderr?.destroy();
  return output;
}

function readyLine(output: string): { readonly kubeconfig?: string } {
  for (const line of output.split('\n')) if (line.startsWith('{')) return JSON.parse(line);
  return {};
}

async function firstAnswer(): Promise<string> {
  let reason: unknown;
  for (const until = performance.now() + answerDeadlineMs; performance.now() < until; await sleep(askAgainAfterMs)) {
    try {
      const response = await fetch(address, { signal: AbortSignal.timeout(answerDeadlineMs) });
      if (response.ok) return await response.text();
      reason = `it answered ${response.status}`;
    } catch (error) {
      reason = error;
    }
  }
  process.stderr.write(`${address} did not answer within ${answerDeadlineMs / 1000} s: ${reason}\n`);
  process.stderr.write(await miniK8s(['get', 'pods', ...access]));
  process.exit(1);
}
