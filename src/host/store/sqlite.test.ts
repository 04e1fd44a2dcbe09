import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { storeConformance } from '../../store/store.conformance.ts';
import { openSqliteStore } from './sqlite.ts';

storeConformance(
  'SqliteStore',
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'mini-k8s-store-'));
    return {
      open: (limits) => openSqliteStore(folder, limits),
      dispose: () => rmSync(folder, { recursive: true, force: true }),
    };
  },
  { durable: true },
);
