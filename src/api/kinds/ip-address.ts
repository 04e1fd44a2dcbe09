import type { Kind } from '../kind.ts';
import { ipAddress } from '../names.ts';
import type { KubeObject } from '../object.ts';
import { columnsOf } from './columns.ts';
import { type Part, partOf, textOf } from './defaulting.ts';
import { defineKind } from './define.ts';

export interface IPAddress extends KubeObject<Part, Part> {}

export const ipAddresses: Kind<IPAddress> = defineKind<IPAddress>('networking.k8s.io/v1', 'IPAddress', {
  validateName: ipAddress,
  columns: columnsOf('Name', 'ParentRef'),
  cells: (address) => {
    const { group, resource, namespace, name } = partOf(partOf(address.spec).parentRef);
    const owner = [resource ? `${textOf(resource)}${group ? `.${textOf(group)}` : ''}` : '', namespace, name];
    return [address.metadata.name, owner.filter((part) => part).join('/')];
  },
});
