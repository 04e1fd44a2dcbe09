import { headerName, portName, portNumber } from '../names.ts';
import type { Checked } from './checks.ts';

/** Hooks and probes: what only containers that go on have. `graceSeconds` bounds how long a hook may sleep. */
export function validateLife(container: Checked, graceSeconds: number | undefined): void {
  for (const hook of ['postStart', 'preStop']) {
    const handler = container.at('lifecycle').at(hook);
    if (!handler.isAbsent) validateHandler(handler, graceSeconds);
  }
  for (const field of ['livenessProbe', 'readinessProbe', 'startupProbe']) {
    const probe = container.at(field);
    if (probe.isAbsent) continue;
    validateProbe(probe, graceSeconds);
    const grace = probe.at('terminationGracePeriodSeconds');
    if (field === 'readinessProbe') {
      if (!grace.isAbsent) grace.invalid('must not be set for readinessProbes');
    } else if (probe.at('successThreshold').number !== 1) {
      probe.at('successThreshold').invalidAs(probe.at('successThreshold').number, 'must be 1');
    }
  }
}

const counts = ['initialDelaySeconds', 'timeoutSeconds', 'periodSeconds', 'successThreshold', 'failureThreshold'];

function validateProbe(probe: Checked, graceSeconds: number | undefined): void {
  validateHandler(probe, graceSeconds);
  for (const field of counts) probe.at(field).notNegative();
  probe.at('terminationGracePeriodSeconds').atLeast(1, 'must be greater than 0');
}

const handlers = ['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'];

function validateHandler(handler: Checked, graceSeconds: number | undefined): void {
  const given = handlers.filter((kind) => !handler.at(kind).isAbsent);
  for (const kind of given.slice(1)) handler.at(kind).forbidden('may not specify more than 1 handler type');
  const [kind] = given;
  if (kind === undefined) {
    handler.missing('must specify a handler type');
    return;
  }
  const action = handler.at(kind);
  if (kind === 'exec') action.at('command').needed();
  else if (kind === 'httpGet') validateGet(action);
  else if (kind === 'tcpSocket') validatePort(action.at('port'));
  else if (kind === 'grpc') validatePortNumber(action.at('port'));
  else validateSleep(action, graceSeconds);
}

function validateGet(action: Checked): void {
  action.at('path').needed();
  validatePort(action.at('port'));
  action.at('scheme').oneOf('HTTP', 'HTTPS');
  const headers = action.at('httpHeaders');
  for (const header of headers.items()) {
    const name = header.at('name').text;
    for (const sentence of headerName(name)) headers.invalidAs(name, sentence);
  }
}

function validateSleep(action: Checked, graceSeconds: number | undefined): void {
  const { number: seconds } = action.at('seconds');
  if (graceSeconds === undefined || (seconds >= 0 && seconds <= graceSeconds)) return;
  action.invalidAs(seconds, `must be non-negative and less than terminationGracePeriodSeconds (${graceSeconds})`);
}

/** A port by its number or by its name. */
export function validatePort(port: Checked): void {
  if (typeof port.value === 'string') port.like(portName);
  else validatePortNumber(port);
}
export function validatePortNumber(port: Checked): void {
  for (const sentence of portNumber(port.number)) port.invalidAs(port.number, sentence);
}
