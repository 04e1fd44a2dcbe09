import { rulesOf } from './checks.ts';

export const leaseRules = rulesOf((root) => {
  const spec = root.at('spec');
  spec.at('leaseDurationSeconds').atLeast(1, 'must be greater than 0');
  spec.at('leaseTransitions').notNegative();
});
