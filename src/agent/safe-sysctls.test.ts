import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSysctlNames } from './safe-sysctls.ts';

test('Names of sysctls are taken as they are, and beginnings of them', () => {
  assert.deepEqual(parseSysctlNames(' kernel.msg*, net.core.somaxconn,'), ['kernel.msg*', 'net.core.somaxconn']);
  assert.deepEqual(parseSysctlNames(''), []);
});

test('What is no name, and what no pod has for itself, is refused', () => {
  assert.throws(() => parseSysctlNames('net.*.x'), /"net\.\*\.x" is neither the name of a sysctl nor a beginning/);
  assert.throws(() => parseSysctlNames('vm.swappiness'), /"vm.swappiness" is one for the whole machine/);
});
