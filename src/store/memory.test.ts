import { MemoryStore } from './memory.ts';
import { storeConformance } from './store.conformance.ts';

storeConformance('MemoryStore', () => ({ open: (limits) => new MemoryStore(limits), dispose: () => {} }), {
  durable: false,
});
