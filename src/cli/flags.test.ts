import { deepEqual, equal, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { defineFlags, parseFlags, UsageError } from './flags.ts';

const flags = defineFlags({
  'data-dir': { type: 'text', help: 'where everything is kept', value: 'DIR' },
  nodes: { type: 'number', help: 'how many nodes', default: 1, least: 0 },
  runtime: { type: 'choice', choices: ['process', 'docker'], help: 'what runs containers', default: 'process' },
  foreground: { type: 'switch', help: 'stay in the foreground' },
  watch: { type: 'switch', short: 'w', help: 'go on' },
  filename: { type: 'list', short: 'f', help: 'files' },
  namespace: { type: 'text', short: 'n', help: 'namespace' },
});

test('parseFlags reads every way of writing a flag', () => {
  const words = ['web', '--data-dir=a=b', '--nodes', '3', '-f', 'x', '-f-', '-wnkube-system', '--', '--left', '-x'];
  const { values, rest } = parseFlags(flags, words);
  const typed: { nodes: number; runtime: 'process' | 'docker'; 'data-dir': string | undefined } = values;
  equal(typed.nodes, 3);
  deepEqual(values, {
    'data-dir': 'a=b',
    nodes: 3,
    runtime: 'process',
    foreground: false,
    watch: true,
    filename: ['x', '-'],
    namespace: 'kube-system',
  });
  deepEqual(rest, ['web', '--left', '-x']);
});

test('parseFlags asks the environment where the command line is silent', () => {
  const environment = {
    MINI_K8S_DATA_DIR: '/data',
    MINI_K8S_NODES: '4',
    MINI_K8S_FOREGROUND: '1',
    MINI_K8S_RUNTIME: '',
  };
  const { values } = parseFlags(flags, ['--nodes', '2'], environment);
  deepEqual([values['data-dir'], values.nodes, values.foreground, values.runtime], ['/data', 2, true, 'process']);
});

const wrong: readonly (readonly [readonly string[], string])[] = [
  [['--node', '3'], 'unknown flag --node: did you mean --nodes?'],
  [['--data-dir'], '--data-dir needs a value: --data-dir DIR (where everything is kept)'],
  [['--data-dir', '--watch'], '--data-dir needs a value: --data-dir DIR (where everything is kept)'],
  [['--nodes', 'many'], '--nodes must be a whole number of at least 0, not "many"'],
  [['--nodes=-1'], '--nodes must be a whole number of at least 0, not "-1"'],
  [['--nodes='], '--nodes must be a whole number of at least 0, not ""'],
  [['--runtime', 'podman'], '--runtime must be one of process, docker, not "podman"'],
  [['--foreground=perhaps'], '--foreground is a switch: true or false, not "perhaps"'],
  [['--constructor'], `unknown flag --constructor: known are --${Object.keys(flags).join(', --')}`],
];
for (const [words, message] of wrong) {
  test(`parseFlags answers ${words.join(' ')} with one line that says what is right`, () => {
    throws(() => parseFlags(flags, words), new UsageError(message));
  });
}

test('parseFlags names the variable that is wrong, and a required flag that is missing', () => {
  throws(() => parseFlags(flags, [], { MINI_K8S_NODES: 'x' }), /^UsageError: MINI_K8S_NODES must be a whole number/);
  const required = defineFlags({ kubeconfig: { type: 'text', required: true, help: 'the cluster', value: 'FILE' } });
  throws(
    () => parseFlags(required, []),
    /--kubeconfig FILE is required \(the cluster\); MINI_K8S_KUBECONFIG sets it too/,
  );
  const given: string = parseFlags(required, ['--kubeconfig', 'k']).values.kubeconfig;
  equal(given, 'k');
});
