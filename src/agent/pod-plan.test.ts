import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Container, ContainerStatus, Pod, PodSpec, PodStatus } from '../api/kinds/pod.ts';
import type { Meta } from '../api/object.ts';
import type { Instant } from '../base/env.ts';
import { podPlan } from './pod-plan.ts';
import { containerId, type PodFacts, podView } from './pod-view.ts';
import type { ContainerState } from './runtime.ts';
import { podStatus } from './status.ts';

const now = Date.parse('2026-01-01T00:10:00Z') as Instant;
const at = (secondsAgo: number) => (now - secondsAgo * 1000) as Instant;
const born = '2026-01-01T00:00:00Z';
const container = (name: string, more: Partial<Container> = {}): Container => ({ name, image: 'host', ...more });
const pod = (spec: Partial<PodSpec> = {}, more: { meta?: Partial<Meta>; status?: PodStatus } = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: 'web',
    namespace: 'default',
    uid: 'u1',
    resourceVersion: '5',
    generation: 1,
    creationTimestamp: born,
    ...more.meta,
  },
  spec: { containers: [container('c')], ...spec },
  ...(more.status ? { status: more.status } : {}),
});
const state = (name: string, attempt: number, more: Partial<ContainerState>): ContainerState => ({
  id: containerId('u1', name, attempt),
  sandbox: 'u1',
  attempt,
  state: 'running',
  startedAt: at(60),
  ...more,
});
const exited = (name: string, attempt: number, exitCode: number, secondsAgo = 1): ContainerState =>
  state(name, attempt, { state: 'exited', exitCode, startedAt: at(secondsAgo + 5), finishedAt: at(secondsAgo) });
const facts = (of: Pod, containers: readonly ContainerState[] = [], more: Partial<PodFacts> = {}): PodFacts => ({
  pod: of,
  now,
  sandbox: { ips: ['10.244.0.7'] },
  containers,
  verdicts: new Map(),
  failures: new Map(),
  streaks: new Map(),
  busy: new Map(),
  ...more,
});
const looking = (of: Partial<PodSpec> = {}, more: Parameters<typeof pod>[1] = {}) =>
  pod({ ephemeralContainers: [container('look', { stdin: true })], ...of }, more);

test('An ephemeral container starts beside whatever there is, once, and decides nothing about its pod', () => {
  const init = { initContainers: [container('i')] };
  assert.deepEqual(steps(facts(looking(init), [state('i', 0, {})])), ['run look#0']);
  const ended = [state('c', 0, {}), exited('look', 0, 1)];
  assert.deepEqual(steps(facts(looking(), ended)), []);
  assert.equal(status(facts(looking(), ended)).phase, 'Running');
  const over = facts(looking({ restartPolicy: 'Never' }), [exited('c', 0, 0), state('look', 0, {})]);
  assert.equal(status(over).phase, 'Succeeded');
  assert.deepEqual(steps(over), ['stop u1_look_0 30000 finished']);
});

test('An ephemeral container has a status of its own, and is never ready', () => {
  const told = status(facts(looking(), [state('c', 0, {}), state('look', 0, {})]));
  assert.deepEqual(told.ephemeralContainerStatuses, [
    {
      name: 'look',
      state: { running: { startedAt: '2026-01-01T00:09:00Z' } },
      lastState: {},
      ready: false,
      restartCount: 0,
      image: 'host',
      imageID: '',
      containerID: 'process://u1_look_0',
      resources: {},
    },
  ]);
});

test('A pod that is deleted takes its ephemeral containers along', () => {
  const gone = { meta: { deletionTimestamp: '2026-01-01T00:10:30Z', deletionGracePeriodSeconds: 30 } };
  const given = facts(looking({}, gone), [exited('c', 0, 0), state('look', 0, {})]);
  assert.deepEqual(steps(given), ['stop u1_look_0 30000 deleted']);
});

/** Steps as short words: `run c#1`, `stop c#0 30000 deleted`. */
const steps = (given: PodFacts): readonly string[] =>
  podPlan(given).steps.map((step) => {
    if (step.do === 'run') return `run ${step.container.name}#${step.attempt}`;
    if (step.do === 'stop') return `stop ${step.id} ${step.graceMs} ${step.why}`;
    return step.do === 'remove' ? `remove ${step.id}` : step.do;
  });
const status = (given: PodFacts): PodStatus => podStatus(podView(given), { ips: ['10.0.0.1'], scheme: 'process' });
const condition = (of: PodStatus, type: string) => {
  const found = of.conditions?.find((one) => one.type === type);
  return [found?.status, found?.reason, found?.message];
};

test('A container is told with whom it began as, also when its runtime has forgotten that', () => {
  const user = { uid: 1000, gid: 3000, groups: [3000, 4000] };
  const told = status(facts(pod(), [state('c', 0, { user })]));
  const linux = { uid: 1000, gid: 3000, supplementalGroups: [3000, 4000] };
  assert.deepEqual(told.containerStatuses?.[0]?.user, { linux });
  const later = pod({}, { status: told });
  assert.deepEqual(status(facts(later, [exited('c', 0, 0)])).containerStatuses?.[0]?.user, { linux });
  assert.equal(status(facts(later, [state('c', 1, {})])).containerStatuses?.[0]?.user, undefined);
  const alone = status(facts(pod(), [state('c', 0, { user: { uid: 5, gid: 0, groups: [] } })]));
  assert.deepEqual(alone.containerStatuses?.[0]?.user, { linux: { uid: 5, gid: 0 } });
});

test('podPlan opens the sandbox before anything else', () => {
  const { sandbox: _none, ...closed } = facts(pod());
  assert.deepEqual(steps(closed), ['open-sandbox']);
  assert.deepEqual(steps({ ...closed, busy: new Map([['', { doing: 'starting' }]]) }), []);
});

test('podPlan runs all main containers at once', () => {
  assert.deepEqual(steps(facts(pod({ containers: [container('a'), container('b')] }))), ['run a#0', 'run b#0']);
});

test('podPlan runs init containers in order, and waits for a sidecar to have started', () => {
  const probed = { restartPolicy: 'Always', startupProbe: { exec: { command: ['true'] } } };
  const spec = { initContainers: [container('one'), container('side', probed)] };
  assert.deepEqual(steps(facts(pod(spec))), ['run one#0']);
  assert.deepEqual(steps(facts(pod(spec), [state('one', 0, {})])), []);
  assert.deepEqual(steps(facts(pod(spec), [exited('one', 0, 0)])), ['run side#0']);
  const both = [exited('one', 0, 0), state('side', 0, {})];
  assert.deepEqual(steps(facts(pod(spec), both)), []);
  const started = { verdicts: new Map([['u1_side_0', { started: true }]]) };
  assert.deepEqual(steps(facts(pod(spec), both, started)), ['run c#0']);
});

test('podPlan restarts at once after the first crash, then waits 10 s, 20 s, at most 300 s', () => {
  assert.deepEqual(steps(facts(pod(), [exited('c', 0, 1)])), ['run c#1']);
  for (const [attempt, delay] of [
    [1, 10],
    [2, 20],
    [3, 40],
    [6, 300],
    [40, 300],
  ] as const) {
    const plan = podPlan(facts(pod(), [exited('c', attempt, 1, 1)]));
    assert.deepEqual(plan, { steps: [], probes: [], again: (delay - 1) * 1000 });
    assert.deepEqual(steps(facts(pod(), [exited('c', attempt, 1, delay)])), [`run c#${attempt + 1}`]);
  }
});

test('podPlan forgives earlier crashes after ten minutes of running', () => {
  const long = state('c', 7, { state: 'exited', exitCode: 1, startedAt: at(700), finishedAt: at(1) });
  assert.deepEqual(podPlan(facts(pod(), [long])).steps, [
    { do: 'run', container: container('c'), attempt: 8, streakFrom: 7 },
  ]);
  const after = { streaks: new Map([['c', 7]]) };
  assert.equal(podPlan(facts(pod(), [exited('c', 8, 1, 1)], after)).again, 9_000);
});

test('podPlan obeys the restart policy', () => {
  assert.deepEqual(steps(facts(pod({ restartPolicy: 'Never' }), [exited('c', 0, 1)])), []);
  assert.deepEqual(steps(facts(pod({ restartPolicy: 'OnFailure' }), [exited('c', 0, 0)])), []);
  assert.deepEqual(steps(facts(pod({ restartPolicy: 'OnFailure' }), [exited('c', 0, 1)])), ['run c#1']);
  assert.deepEqual(steps(facts(pod(), [exited('c', 0, 0)])), ['run c#1']);
});

test('podPlan stops a deleted pod, main containers before sidecars, and deletes it at the end', () => {
  const spec = { initContainers: [container('side', { restartPolicy: 'Always' })] };
  const meta = { deletionTimestamp: '2026-01-01T00:10:20Z', deletionGracePeriodSeconds: 20 };
  const dying = pod(spec, { meta });
  const running = [state('side', 0, {}), state('c', 0, {})];
  assert.deepEqual(steps(facts(dying, running)), ['stop u1_c_0 20000 deleted']);
  const busy = { busy: new Map([['c', { doing: 'stopping' as const, graceMs: 20_000 }]]) } as const;
  assert.deepEqual(steps(facts(dying, running, busy)), []);
  assert.deepEqual(steps(facts(dying, [state('side', 0, {}), exited('c', 0, 143)])), ['stop u1_side_0 20000 deleted']);
  const ended = [exited('side', 0, 0), exited('c', 0, 143)];
  assert.deepEqual(steps(facts(dying, ended)), ['close-sandbox', 'delete-pod']);
});

test('podPlan stops again with less time when the grace was cut', () => {
  const dying = pod({}, { meta: { deletionTimestamp: born, deletionGracePeriodSeconds: 1 } });
  const busy = { busy: new Map([['c', { doing: 'stopping' as const, graceMs: 30_000 }]]) } as const;
  assert.deepEqual(steps(facts(dying, [state('c', 0, {})], busy)), ['stop u1_c_0 1000 deleted']);
});

test('podPlan kills a container that its liveness probe gave up, and no other', () => {
  const spec = { containers: [container('c', { livenessProbe: { periodSeconds: 1 } }), container('d')] };
  const verdicts = new Map([['u1_c_0', { live: false }]]);
  const running = [state('c', 0, {}), state('d', 0, {})];
  assert.deepEqual(steps(facts(pod(spec), running, { verdicts })), ['stop u1_c_0 30000 unhealthy']);
});

test('podPlan probes for startup first, then for liveness and readiness', () => {
  const probe = { exec: { command: ['true'] } };
  const spec = { containers: [container('c', { startupProbe: probe, livenessProbe: probe, readinessProbe: probe })] };
  const kinds = (given: PodFacts) => podPlan(given).probes.map((target) => target.kind);
  assert.deepEqual(kinds(facts(pod(spec), [state('c', 0, {})])), ['startup']);
  const started = { verdicts: new Map([['u1_c_0', { started: true }]]) };
  assert.deepEqual(kinds(facts(pod(spec), [state('c', 0, {})], started)), ['liveness', 'readiness']);
});

test('podPlan ends a pod at its active deadline', () => {
  const late = pod({ activeDeadlineSeconds: 30 }, { status: { startTime: '2026-01-01T00:09:30Z' } });
  assert.deepEqual(steps(facts(late, [state('c', 0, {})])), ['stop u1_c_0 30000 deadline']);
  assert.equal(status(facts(late, [state('c', 0, {})])).reason, 'DeadlineExceeded');
  const early = pod({ activeDeadlineSeconds: 40 }, { status: { startTime: '2026-01-01T00:09:30Z' } });
  assert.equal(podPlan(facts(early, [state('c', 0, {})])).again, 10_000);
});

test('podPlan keeps two attempts of a container', () => {
  const given = facts(pod(), [exited('c', 0, 1, 90), exited('c', 1, 1, 80), state('c', 2, {})]);
  assert.deepEqual(steps(given), ['remove u1_c_0']);
});

test('podPlan starts a container that the engine lost as a new attempt', () => {
  const running: PodStatus = {
    containerStatuses: [
      {
        name: 'c',
        ready: true,
        restartCount: 3,
        image: 'host',
        imageID: '',
        containerID: 'process://u1_c_3',
        state: { running: {} },
      },
    ],
  };
  const lost = facts(pod({}, { status: running }));
  // Nobody knows when it ended: a wait counted from now would begin anew with every look, so there is none.
  assert.deepEqual(steps(lost), ['run c#4']);
  const [status] = running.containerStatuses ?? [];
  const began = { ...status, state: { running: { startedAt: '2026-01-01T00:09:45Z' } } } as ContainerStatus;
  assert.equal(podPlan(facts(pod({}, { status: { containerStatuses: [began] } }))).again, 25_000);
  assert.deepEqual(steps(facts(pod({ restartPolicy: 'Never' }, { status: running }))), []);
});

test('podStatus tells a pod that is being made', () => {
  const { sandbox: _none, ...closed } = facts(pod());
  const told = status(closed);
  assert.equal(told.phase, 'Pending');
  assert.deepEqual(condition(told, 'PodReadyToStartContainers'), ['False', undefined, undefined]);
  assert.deepEqual(condition(told, 'Ready'), ['False', 'ContainersNotReady', 'containers with unready status: [c]']);
  assert.deepEqual(told.containerStatuses, [
    {
      name: 'c',
      state: { waiting: { reason: 'ContainerCreating' } },
      lastState: {},
      ready: false,
      restartCount: 0,
      image: 'host',
      imageID: '',
      started: false,
    },
  ]);
});

test('podStatus tells a running pod, and is the same when told again', () => {
  const told = status(facts(pod(), [state('c', 0, { imageId: 'sha' })]));
  assert.equal(told.phase, 'Running');
  assert.equal(told.podIP, '10.244.0.7');
  assert.equal(told.qosClass, 'BestEffort');
  assert.deepEqual(condition(told, 'Ready'), ['True', undefined, undefined]);
  assert.equal(told.containerStatuses?.[0]?.containerID, 'process://u1_c_0');
  const again = facts(pod({}, { status: told }), [state('c', 0, { imageId: 'sha' })]);
  assert.deepEqual(status({ ...again, now: (now + 5_000) as Instant }), told);
});

test('podStatus tells a crash loop as upstream words it', () => {
  const [told] = status(facts(pod(), [exited('c', 1, 3)])).containerStatuses ?? [];
  assert.deepEqual(told?.state, {
    waiting: { reason: 'CrashLoopBackOff', message: 'back-off 10s restarting failed container=c pod=web_default(u1)' },
  });
  assert.equal(told?.lastState?.terminated?.exitCode, 3);
  assert.equal(told?.restartCount, 1);
});

test('podStatus tells phases and init progress', () => {
  const never = { restartPolicy: 'Never' };
  const phase = (spec: Partial<PodSpec>, containers: readonly ContainerState[]) =>
    status(facts(pod(spec), containers)).phase;
  assert.equal(phase(never, [exited('c', 0, 0)]), 'Succeeded');
  assert.equal(phase(never, [exited('c', 0, 2)]), 'Failed');
  assert.equal(phase({}, [exited('c', 0, 2)]), 'Running');
  const init = { initContainers: [container('one')] };
  assert.equal(phase(init, [state('one', 0, {})]), 'Pending');
  assert.equal(phase({ ...init, ...never }, [exited('one', 0, 1)]), 'Failed');
  const told = status(facts(pod(init), [state('one', 0, {})]));
  assert.deepEqual(condition(told, 'Initialized'), [
    'False',
    'ContainersNotInitialized',
    'containers with incomplete status: [one]',
  ]);
  assert.deepEqual(told.containerStatuses?.[0]?.state, { waiting: { reason: 'PodInitializing' } });
  assert.deepEqual(condition(status(facts(pod(never), [exited('c', 0, 0)])), 'Ready'), [
    'False',
    'PodCompleted',
    undefined,
  ]);
});

test('podStatus waits for readiness gates and keeps conditions of others', () => {
  const gate = { type: 'example.com/up', status: 'False' };
  const gated = pod({ readinessGates: [{ conditionType: gate.type }] }, { status: { conditions: [gate] } });
  const told = status(facts(gated, [state('c', 0, {})]));
  assert.deepEqual(condition(told, 'Ready'), [
    'False',
    'ReadinessGatesNotReady',
    'the status of pod readiness gate "example.com/up" is not "True", but False',
  ]);
  assert.equal(condition(told, 'ContainersReady')[0], 'True');
  assert.ok(told.conditions?.includes(gate));
});

test('podStatus tells why an image cannot be had', () => {
  const failure = (agoMs: number) => ({
    reason: 'ErrImagePull',
    message: 'no such image',
    at: (now - agoMs) as Instant,
    count: 1,
  });
  const waiting = (agoMs: number) =>
    status(facts(pod(), [], { failures: new Map([['c', failure(agoMs)]]) })).containerStatuses?.[0]?.state?.waiting;
  assert.deepEqual(waiting(0), { reason: 'ErrImagePull', message: 'no such image' });
  assert.deepEqual(waiting(1_000), {
    reason: 'ImagePullBackOff',
    message: 'Back-off pulling image "host": ErrImagePull: no such image',
  });
});

test('A container that may use something else than it is given is resized, or started again where it wants that', () => {
  const resources = { requests: { cpu: '100m' }, limits: { cpu: '200m', memory: '64Mi' } };
  const applied = { cpuShares: 102, cpuQuotaMicros: 10_000, memoryBytes: 64 * 2 ** 20 };
  const running = [state('c', 0, { applied })];
  const given = (container: object) =>
    facts(pod({ containers: [{ name: 'c', image: 'host', ...container }] }), running);
  assert.deepEqual(podPlan(given({ resources })).steps, [
    {
      do: 'resize',
      container: { name: 'c', image: 'host', resources },
      id: 'u1_c_0',
      to: { cpuMillis: 200, cpuRequestMillis: 100, memoryBytes: 64 * 2 ** 20 },
    },
  ]);
  const told = condition(status(given({ resources })), 'PodResizeInProgress');
  assert.deepEqual(told, ['True', undefined, undefined]);
  const restarts = (resourceName: string) => [{ resourceName, restartPolicy: 'RestartContainer' }];
  assert.match(steps(given({ resources, resizePolicy: restarts('cpu') })).join(), /^stop /);
  assert.match(steps(given({ resources, resizePolicy: restarts('memory') })).join(), /^resize/);
  const same = { ...resources, limits: { cpu: '100m', memory: '64Mi' } };
  assert.deepEqual(steps(given({ resources: same })), []);
});

test('A rule restarts a container that its policy would leave', () => {
  const rules = (operator: string) => [{ action: 'Restart', exitCodes: { operator, values: [42, 43] } }];
  const ended = (operator: string, code: number) => {
    const container = { name: 'c', image: 'host', restartPolicy: 'Never', restartPolicyRules: rules(operator) };
    return steps(facts(pod({ containers: [container] }), [exited('c', 0, code)]));
  };
  assert.deepEqual(ended('In', 42), ['run c#1']);
  assert.deepEqual(ended('In', 1), []);
  assert.deepEqual(ended('NotIn', 1), ['run c#1']);
  assert.deepEqual(ended('NotIn', 43), []);
});

const restartsAll = {
  restartPolicy: 'Never',
  restartPolicyRules: [{ action: 'RestartAllContainers', exitCodes: { operator: 'In', values: [42] } }],
};
const whole = (more: object = {}) =>
  pod({
    restartPolicy: 'Never',
    initContainers: [container('i'), container('side', { restartPolicy: 'Always' })],
    containers: [container('watch', restartsAll), container('work')],
    ...more,
  });
const began = (name: string, attempt: number, secondsAgo: number) =>
  state(name, attempt, { startedAt: at(secondsAgo) });

test('A rule that restarts all ends what runs, at once and without hooks, before anything begins', () => {
  const lookers = { ephemeralContainers: [container('look')] };
  const running = [began('side', 0, 60), began('work', 0, 60), state('look', 0, { startedAt: at(30) })];
  const given = facts(whole(lookers), [exited('i', 0, 0, 90), exited('watch', 0, 42), ...running]);
  assert.deepEqual(steps(given), ['stop u1_look_0 0 reset', 'stop u1_work_0 0 reset', 'stop u1_side_0 0 reset']);
  const told = status(given);
  assert.equal(told.phase, 'Running');
  assert.deepEqual(condition(told, 'AllContainersRestarting'), [
    'True',
    'RestartAllContainersStarted',
    'container exited with restart policy rule',
  ]);
});

test('A rule that restarts all begins with the init containers, in order, each with an attempt more', () => {
  const killed = [exited('side', 0, 137, 1), exited('work', 0, 137, 1)];
  const ended = [exited('i', 0, 0, 90), exited('watch', 0, 42, 2), ...killed];
  assert.deepEqual(steps(facts(whole(), ended)), ['run i#1']);
  const told = status(facts(whole(), ended));
  assert.equal(told.phase, 'Running');
  assert.deepEqual(condition(told, 'AllContainersRestarting'), ['False', undefined, undefined]);
  assert.equal(condition(told, 'Initialized')[0], 'False');
  const [work] = (told.containerStatuses ?? []).filter(({ name }) => name === 'work');
  assert.deepEqual([work?.state?.waiting?.reason, work?.lastState?.terminated?.exitCode], ['PodInitializing', 137]);
  const again = [...ended, state('i', 1, { state: 'exited', exitCode: 0, startedAt: at(1), finishedAt: at(0.5) })];
  assert.deepEqual(steps(facts(whole(), again)), ['run side#1']);
  const withSide = [...again, began('side', 1, 0.4)];
  assert.deepEqual(steps(facts(whole(), withSide)), ['run watch#1', 'run work#1']);
  const all = [...withSide, began('watch', 1, 0.3), began('work', 1, 0.3)];
  assert.deepEqual(steps(facts(whole(), all)), []);
  assert.equal(condition(status(facts(whole(), all)), 'Initialized')[0], 'True');
});

test('Who asks for all to begin anew again and again waits longer, and the others have not crashed', () => {
  const twice = [exited('watch', 1, 42, 2), exited('work', 1, 137, 1)];
  const simple = pod({ restartPolicy: 'Never', containers: [container('watch', restartsAll), container('work')] });
  const given = facts(simple, twice);
  assert.deepEqual(steps(given), []);
  assert.equal(podPlan(given).again, 8_000);
  assert.equal(status(given).containerStatuses?.[0]?.state?.waiting?.reason, 'CrashLoopBackOff');
  const once = facts(simple, [exited('watch', 0, 42, 2), exited('work', 0, 137, 1)]);
  const runs = podPlan(once).steps.map((step) => (step.do === 'run' ? [step.container.name, step.streakFrom] : []));
  assert.deepEqual(runs, [
    ['watch', 0],
    ['work', 1],
  ]);
});

test('A sidecar that is asked to end because the work is done restarts nothing', () => {
  const side = container('side', { ...restartsAll, restartPolicy: 'Always' });
  const done = pod({ restartPolicy: 'Never', initContainers: [side], containers: [container('work')] });
  assert.deepEqual(steps(facts(done, [exited('work', 0, 0, 5), exited('side', 0, 42, 1)])), []);
  assert.equal(status(facts(done, [exited('work', 0, 0, 5), exited('side', 0, 42, 1)])).phase, 'Succeeded');
  const early = facts(done, [began('work', 0, 5), exited('side', 0, 42, 1)]);
  assert.deepEqual(steps(early), ['stop u1_work_0 0 reset']);
});

test('The first rule that fits decides', () => {
  const first = { action: 'Restart', exitCodes: { operator: 'In', values: [42] } };
  const rules = { ...restartsAll, restartPolicyRules: [first, ...restartsAll.restartPolicyRules] };
  const two = pod({ containers: [container('watch', rules), container('work')] });
  assert.deepEqual(steps(facts(two, [exited('watch', 0, 42), began('work', 0, 60)])), ['run watch#1']);
});
