import { useEffect, useState } from 'react';
import type { Failure } from '../../app/shared/failure.ts';
import { useApi } from './ApiProvider.tsx';
import { asFailure } from './asFailure.ts';
import { onLock } from './lockRegistry.ts';

interface Kept {
  readonly url: string;
  users: number;
}

/** Pictures by asset path, newest last. A picture in use is never revoked; the rest are kept up to this many. */
const kept = new Map<string, Kept>();
const keptAtMost = 200;

function trim(): void {
  for (const [path, entry] of kept) {
    if (kept.size <= keptAtMost) return;
    if (entry.users > 0) continue;
    URL.revokeObjectURL(entry.url);
    kept.delete(path);
  }
}

onLock(() => {
  for (const entry of kept.values()) URL.revokeObjectURL(entry.url);
  kept.clear();
});

export interface AssetImage {
  readonly url: string | null;
  readonly failure: Failure | null;
  readonly loading: boolean;
}

/**
 * A picture of the host by its asset path, fetched with this window's bearer and given as a blob URL, because an
 * `<img>` cannot carry a bearer. null asks for nothing.
 */
export function useAssetImage(path: string | null): AssetImage {
  const { fetchAsset } = useApi();
  const [image, setImage] = useState<AssetImage & { path: string | null }>({
    path: null,
    url: null,
    failure: null,
    loading: false,
  });

  useEffect(() => {
    if (path === null) return;
    const abort = new AbortController();
    let mine: Kept | undefined;
    const show = (entry: Kept): void => {
      entry.users += 1;
      mine = entry;
      setImage({ path, url: entry.url, failure: null, loading: false });
    };
    const load = async (): Promise<void> => {
      const existing = kept.get(path);
      if (existing) {
        kept.delete(path);
        kept.set(path, existing);
        show(existing);
        return;
      }
      setImage({ path, url: null, failure: null, loading: true });
      try {
        const response = await fetchAsset(path, { signal: abort.signal });
        const blob = await response.blob();
        if (abort.signal.aborted) return;
        const entry: Kept = kept.get(path) ?? { url: URL.createObjectURL(blob), users: 0 };
        kept.set(path, entry);
        show(entry);
        trim();
      } catch (error) {
        if (!abort.signal.aborted) setImage({ path, url: null, failure: asFailure(error), loading: false });
      }
    };
    void load();
    return () => {
      abort.abort();
      if (mine) mine.users -= 1;
    };
  }, [path, fetchAsset]);

  // A picture of another path is never shown, not even for one frame.
  if (image.path !== path) return { url: null, failure: null, loading: path !== null };
  return image;
}
