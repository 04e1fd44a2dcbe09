import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/** How often it is told how far a pull has come, and after how long without any progress it is given up. */
export interface PullPatience {
  readonly tellMs: number;
  readonly stallMs: number;
}
export const usualPatience: PullPatience = { tellMs: 10_000, stallMs: 60_000 };

interface Line {
  readonly id?: string;
  readonly status?: string;
  readonly error?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
}
const bytesPerMegabyte = 1e6;
const donePattern = /^(Pull complete|Already exists)$/;

/**
 * Reads what an engine says while it pulls, to the end. The answer begins well in any case: a failure comes as the last
 * line of it, and of an engine that waits for ever for its registry nothing comes at all.
 */
export async function followPull(
  stream: Readable,
  tell: (progress: string) => void,
  { tellMs, stallMs }: PullPatience = usualPatience,
): Promise<void> {
  const layers = new Map<string, { readonly current: number; readonly total: number; readonly done: boolean }>();
  let failed: string | undefined;
  const telling = setInterval(() => layers.size > 0 && tell(textOf([...layers.values()])), tellMs);
  const giveUp = () => stream.destroy(new Error(`the pull made no progress for ${stallMs / 1000} s`));
  let stall = setTimeout(giveUp, stallMs);
  try {
    for await (const text of createInterface({ input: stream })) {
      clearTimeout(stall);
      stall = setTimeout(giveUp, stallMs);
      if (text.trim() === '') continue;
      const { id, status = '', error, progressDetail = {} } = JSON.parse(text) as Line;
      failed = error ?? failed;
      if (id === undefined || status.startsWith('Pulling from')) continue;
      const before = layers.get(id);
      const isLoad = status === 'Downloading';
      const total = (isLoad ? progressDetail.total : undefined) ?? before?.total ?? 0;
      const loaded = isLoad ? (progressDetail.current ?? 0) : (before?.current ?? 0);
      const isLoaded = /^(Download complete|Extracting|Pull complete)$/.test(status);
      layers.set(id, { total, current: isLoaded ? total : loaded, done: donePattern.test(status) });
    }
    // Reading lines ends quietly where the stream was cut.
    if (stream.errored) throw stream.errored;
  } finally {
    clearInterval(telling);
    clearTimeout(stall);
  }
  if (failed !== undefined) throw new Error(failed);
}

function textOf(
  layers: readonly { readonly current: number; readonly total: number; readonly done: boolean }[],
): string {
  const sum = (of: 'current' | 'total') => layers.reduce((all, layer) => all + layer[of], 0) / bytesPerMegabyte;
  const done = layers.filter((layer) => layer.done).length;
  const amounts = `${sum('current').toFixed(1)} of ${sum('total').toFixed(1)} MB`;
  return `${done} of ${layers.length} layers complete, ${amounts} downloaded`;
}
