import type { Kind } from '../kind.ts';
import type { KubeObject } from '../object.ts';
import { ageCell, columnsOf } from './columns.ts';
import { type Part, partOf, textOf } from './defaulting.ts';
import { defineKind } from './define.ts';
import { addressName, ipAddressRules } from './ip-address-rules.ts';

export interface IPAddress extends KubeObject<Part, Part> {}

export const ipAddresses: Kind<IPAddress> = defineKind<IPAddress>('networking.k8s.io/v1', 'IPAddress', {
  validateName: addressName,
  validate: ipAddressRules,
  columns: columnsOf('Name', 'ParentRef'),
  // The age is told although no column is named for it: upstream's rows are one cell longer than its columns.
  cells: (address, now) => {
    const { group, resource, namespace, name } = partOf(partOf(address.spec).parentRef);
    const owner = [resource ? `${textOf(resource)}${group ? `.${textOf(group)}` : ''}` : '', namespace, name];
    return [address.metadata.name, owner.filter((part) => part).join('/'), ageCell(address, now)];
  },
});
