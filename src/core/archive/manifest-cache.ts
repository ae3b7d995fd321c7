import type { Clock } from "../../ports/clock.ts";
import type { SessionKey } from "../../ports/log-store.ts";
import { idOf } from "../../ports/session-id.ts";
import { type Manifest, packsOf } from "./manifest.ts";

/** Most bytes of all remembered manifests, estimated. */
const MAX_BYTES = 16 * 1024 * 1024;
/** How long in ms a manifest is trusted: another process may have archived the session again. */
const FRESH_MS = 5_000;

interface Entry {
  readonly manifest: Manifest;
  readonly bytes: number;
  readonly readAtMs: number;
}

/** The manifests of the archives that are being read; the least recently used is evicted first. */
export interface ManifestCache {
  get(key: SessionKey): Manifest | null;
  set(manifest: Manifest): void;
  forget(key: SessionKey): void;
}

export function createManifestCache(clock: Pick<Clock, "now">): ManifestCache {
  const entries = new Map<string, Entry>();
  let total = 0;

  function remove(id: string): void {
    total -= entries.get(id)?.bytes ?? 0;
    entries.delete(id);
  }

  return {
    get(key) {
      const id = idOf(key);
      const entry = entries.get(id);
      if (!entry) return null;
      entries.delete(id);
      entries.set(id, entry);
      return clock.now() - entry.readAtMs < FRESH_MS ? entry.manifest : null;
    },
    set(manifest) {
      const id = idOf(manifest);
      remove(id);
      const entry = { manifest, bytes: sizeOf(manifest), readAtMs: clock.now() };
      entries.set(id, entry);
      total += entry.bytes;
      for (const oldest of entries.keys()) {
        if (total <= MAX_BYTES) return;
        remove(oldest);
      }
    },
    forget: (key) => remove(idOf(key)),
  };
}

function sizeOf(manifest: Manifest): number {
  const { head, document } = manifest;
  const members = Object.values(packsOf(manifest)).flatMap(({ segments }) =>
    segments.map((segment) => segment.members.length),
  );
  const numbers = members.reduce((sum, count) => sum + count + 8, 0);
  return 1024 + (head?.length ?? 0) + (document?.length ?? 0) + numbers * 8;
}
