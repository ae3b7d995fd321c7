import { hasCode, RunlogError } from "../../ports/errors.ts";
import type { SessionKey } from "../../ports/log-store.ts";
import { formatCursor } from "../model/cursor.ts";
import type { Runs } from "../runs/runs.ts";
import type { Sessions } from "../session/session-registry.ts";
import type { Compactor } from "./compactor.ts";
import { rfc3339 } from "../model/time.ts";
import type { Archiver } from "../archive/archiving-store.ts";
import {
  type Manifest,
  PACK_NAMES,
  type PackName,
  packsOf,
  storedBytes,
} from "../archive/manifest.ts";

/** An archive as clients get it (PROTOCOL 16). */
export interface ArchiveSummary {
  readonly project: string;
  readonly session: string;
  readonly logId: string;
  /** RFC 3339. */
  readonly archivedAt: string;
  /** The cursor of the last archived event. */
  readonly cursor: string;
  readonly logs: readonly {
    readonly name: PackName;
    readonly bytes: number;
    readonly storedBytes: number;
    readonly sha256: string;
  }[];
}

interface Needs {
  /** Null if no archive is configured. */
  readonly archiver: Archiver | null;
  readonly backgroundEvents: {
    isSubscribed(key: SessionKey): boolean;
    stop(key: SessionKey): void;
  };
  readonly compactor: Compactor;
  readonly runs: Runs;
  readonly sessions: Sessions;
}

/**
 * Archives a session that has no run. Throws `run-active`, `session-not-found`, `session-conflict` when
 * a run begins meanwhile, `archive-not-configured`, and as `Archives`.
 */
export async function archiveSession(
  service: Needs,
  key: SessionKey,
  options: { readonly deleteLocal: boolean },
): Promise<ArchiveSummary> {
  const archiver = needArchiver(service);
  await refuseOpenRun(service, key);
  // a background event would bring the bytes back at once
  if (options.deleteLocal) service.backgroundEvents.stop(key);
  // viewers of the archive then get the compacted view, and nobody has to write it later
  await service.compactor.compact(key);
  return archiver.archive(key, options).then(summaryOf, throwNotFound);
}

/** Brings an archived session's bytes back; resolves with the id of its log. */
export async function restoreSession(service: Needs, key: SessionKey): Promise<string> {
  return needArchiver(service)
    .restore(key)
    .then(({ logId }) => logId, throwNotFound);
}

/** A manifest as clients get it. */
export function summaryOf(manifest: Manifest): ArchiveSummary {
  const { project, session, logId, archivedAtMs, logs } = manifest;
  const packs = packsOf(manifest);
  return {
    project,
    session,
    logId,
    archivedAt: rfc3339(archivedAtMs),
    cursor: formatCursor({ log: "raw", logId, offset: logs.raw.bytes }),
    logs: PACK_NAMES.flatMap((name) => {
      const pack = packs[name];
      if (!pack) return [];
      return { name, bytes: pack.bytes, storedBytes: storedBytes(pack), sha256: pack.sha256 };
    }),
  };
}

function needArchiver({ archiver }: Needs): Archiver {
  if (archiver) return archiver;
  throw new RunlogError("archive-not-configured", "No archive is configured");
}

/** Throws if a posted run is open, or one that the runner began by itself. */
async function refuseOpenRun(
  { runs, backgroundEvents, sessions }: Needs,
  key: SessionKey,
): Promise<void> {
  await sessions.with(key, async (session) => {
    await session.load();
    const background = backgroundEvents.isSubscribed(key) ? session.state.openRun : null;
    const runId = runs.activeRun(key)?.runId ?? background ?? undefined;
    if (runId !== undefined || runs.isInFlight(key, null))
      throw new RunlogError("run-active", "The session has a run that is not over", { runId });
  });
}

/** A session without a log has nothing to archive. */
function throwNotFound(error: unknown): never {
  if (!hasCode(error, "log-not-found")) throw error;
  throw new RunlogError("session-not-found", "Session not found", { cause: error });
}
