import type { Container, ContainerPort, HttpGet, IntOrString } from '../api/kinds/pod.ts';
import type { Duplex } from '../api/wire.ts';
import type { Cancel, Clock } from '../base/env.ts';
import { encodeText } from '../base/json.ts';
import { StopSource } from '../base/stop.ts';
import { execText } from './exec-text.ts';
import { askHealth } from './grpc-health.ts';
import type { ProbeKind, ProbeTarget } from './pod-plan.ts';
import type { Runtime } from './runtime.ts';

const statusLineBytesMax = 8192;

/** Puts TLS on a connection. Whoever answers need not prove who they are: this asks for health and nothing else. */
export type Secure = (duplex: Duplex) => Promise<Duplex>;
export interface ProbeSubject extends ProbeTarget {
  readonly runtime: Runtime;
  readonly sandbox: string;
  readonly podIp: string;
  readonly secure?: Secure;
}
/** Told of each failure, and of each change of mind. */
export interface ProbeOutcome {
  readonly id: string;
  readonly kind: ProbeKind;
  readonly ok: boolean;
  /** Enough successes in a row, or enough failures: from now on this holds. */
  readonly decided: boolean;
  readonly message: string;
}

/** Runs the probes that ought to be at work, each on its own period. */
export class Probes {
  readonly #clock: Clock;
  readonly #told: (outcome: ProbeOutcome) => void;
  /** By sandbox, then by container and kind. */
  readonly #running = new Map<string, Map<string, ProbeRun>>();

  constructor(clock: Clock, told: (outcome: ProbeOutcome) => void) {
    this.#clock = clock;
    this.#told = told;
  }

  /** From now on exactly these probes are at work for the pod. */
  set(sandbox: string, subjects: readonly ProbeSubject[]): void {
    const before = this.#running.get(sandbox);
    if (!before && subjects.length === 0) return;
    const next = new Map<string, ProbeRun>();
    for (const subject of subjects) {
      const key = `${subject.kind} ${subject.id}`;
      next.set(key, before?.get(key) ?? new ProbeRun(this.#clock, subject, this.#told));
    }
    for (const [key, run] of before ?? []) if (!next.has(key)) run.end();
    if (next.size > 0) this.#running.set(sandbox, next);
    else this.#running.delete(sandbox);
  }

  end(): void {
    for (const sandbox of [...this.#running.keys()]) this.set(sandbox, []);
  }
}

class ProbeRun {
  readonly #clock: Clock;
  readonly #subject: ProbeSubject;
  readonly #told: (outcome: ProbeOutcome) => void;
  readonly #stop = new StopSource();
  #cancel: Cancel;
  #good = 0;
  #bad = 0;
  #last: boolean | undefined;

  constructor(clock: Clock, subject: ProbeSubject, told: (outcome: ProbeOutcome) => void) {
    this.#clock = clock;
    this.#subject = subject;
    this.#told = told;
    this.#cancel = clock.after((subject.probe.initialDelaySeconds ?? 0) * 1000, () => this.#ask());
  }

  end(): void {
    this.#cancel();
    this.#stop.stop();
  }

  #ask(): void {
    const { probe } = this.#subject;
    const attempt = StopSource.under(this.#stop);
    const began = this.#clock.monotonic();
    let answered = false;
    const answer = (ok: boolean, message: string) => {
      if (answered || this.#stop.stopped) return;
      answered = true;
      timeout();
      forget();
      attempt.stop();
      const period = (probe.periodSeconds ?? 10) * 1000;
      const rest = Math.max(1, period - (this.#clock.monotonic() - began));
      this.#cancel = this.#clock.after(rest, () => this.#ask());
      this.#count(ok, message);
    };
    const timeout = this.#clock.after((probe.timeoutSeconds ?? 1) * 1000, () =>
      answer(false, lateMessage(this.#subject)),
    );
    const forget = this.#stop.onStop(timeout);
    askOnce(this.#subject, attempt).then(
      ({ ok, message }) => answer(ok, message),
      (error: unknown) => answer(false, error instanceof Error ? error.message : String(error)),
    );
  }

  #count(ok: boolean, message: string): void {
    const { id, kind, probe } = this.#subject;
    this.#good = ok ? this.#good + 1 : 0;
    this.#bad = ok ? 0 : this.#bad + 1;
    const enough = ok ? this.#good >= (probe.successThreshold ?? 1) : this.#bad >= (probe.failureThreshold ?? 3);
    const decided = enough && this.#last !== ok;
    if (decided) this.#last = ok;
    if (decided || !ok) this.#told({ id, kind, ok, decided, message });
  }
}

/** As upstream says it: people look for these words. */
function lateMessage({ probe, podIp, container }: ProbeSubject): string {
  const within = `${probe.timeoutSeconds ?? 1}s`;
  if (probe.exec) return `command timed out: "${(probe.exec.command ?? []).join(' ')}" timed out after ${within}`;
  if (probe.grpc) return `timeout: health rpc did not complete within ${within}`;
  if (probe.tcpSocket) return `dial tcp ${podIp}:${portOf(probe.tcpSocket.port, container)}: i/o timeout`;
  const { httpGet } = probe;
  const place = httpGet ? `${podIp}:${portOf(httpGet.port, container)}${httpGet.path ?? '/'}` : podIp;
  return `Get "${(httpGet?.scheme ?? 'HTTP').toLowerCase()}://${place}": context deadline exceeded`;
}

type Answer = { readonly ok: boolean; readonly message: string };

async function askOnce(subject: ProbeSubject, stop: StopSource): Promise<Answer> {
  const { probe, container, runtime, sandbox } = subject;
  if (probe.exec) return askExec(subject, stop);
  if (probe.httpGet) {
    const { httpGet } = probe;
    return httpAnswer(await open(runtime, sandbox, portOf(httpGet.port, container), stop), httpGet, subject);
  }
  if (probe.tcpSocket) {
    const duplex = await open(runtime, sandbox, portOf(probe.tcpSocket.port, container), stop);
    duplex.end();
    return { ok: true, message: '' };
  }
  if (probe.grpc) {
    const { port, service } = probe.grpc;
    return askHealth(await open(runtime, sandbox, port, stop), `${subject.podIp}:${port}`, service);
  }
  return { ok: false, message: 'the probe has no action' };
}

async function askExec({ probe, runtime, id }: ProbeSubject, stop: StopSource): Promise<Answer> {
  const command = probe.exec?.command ?? [];
  const { exitCode, text } = await execText(runtime, { id, command, lengthMax: statusLineBytesMax }, stop);
  if (exitCode === undefined) return { ok: false, message: 'the command ended without an exit code' };
  return { ok: exitCode === 0, message: text || `exit code ${exitCode}` };
}

/** A connection that ends with the attempt, so that a server that never answers holds nothing. */
async function open(runtime: Runtime, sandbox: string, port: number, stop: StopSource): Promise<Duplex> {
  const duplex = await runtime.connect(sandbox, port, stop);
  stop.onStop(() => duplex.end());
  return duplex;
}

/** A number, or the name of one of the container's ports. */
export function portOf(port: IntOrString, container: { readonly ports?: readonly ContainerPort[] }): number {
  if (typeof port === 'number') return port;
  const named = container.ports?.find(({ name }) => name === port)?.containerPort ?? Number(port);
  if (!Number.isInteger(named)) throw new Error(`the container has no port named ${port}`);
  return named;
}

/** One GET; 200 to 399 is well. */
export async function httpAnswer(
  connection: Duplex,
  get: HttpGet,
  { podIp, container, secure }: { readonly podIp: string; readonly container: Container; readonly secure?: Secure },
): Promise<Answer> {
  if (get.scheme === 'HTTPS' && !secure) return { ok: false, message: 'HTTPS is not spoken here' };
  const duplex = get.scheme === 'HTTPS' && secure ? await secure(connection) : connection;
  const given = new Map((get.httpHeaders ?? []).map(({ name, value }) => [name.toLowerCase(), `${name}: ${value}`]));
  const standard: readonly (readonly [string, string])[] = [
    ['host', `Host: ${get.host ?? podIp}:${portOf(get.port, container)}`],
    ['user-agent', 'User-Agent: kube-probe/1.36'],
    ['accept', 'Accept: */*'],
    ['connection', 'Connection: close'],
  ];
  const headers = [...standard.filter(([name]) => !given.has(name)).map(([, line]) => line), ...given.values()];
  const path = get.path || '/';
  await duplex.write(encodeText(`GET ${path} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`));
  const decoder = new TextDecoder();
  let text = '';
  try {
    for await (const bytes of duplex.incoming) {
      text += decoder.decode(bytes, { stream: true });
      const line = /^HTTP\/1\.[01] (\d{3})[^\r\n]*\r?\n/.exec(text);
      if (line) {
        const code = Number(line[1]);
        return { ok: code >= 200 && code < 400, message: `HTTP probe failed with statuscode: ${code}` };
      }
      if (text.length > statusLineBytesMax) break;
    }
  } finally {
    duplex.end();
  }
  return { ok: false, message: 'the answer is not HTTP' };
}
