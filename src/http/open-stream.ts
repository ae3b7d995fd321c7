import type { SessionService } from "../core/service.ts";
import type { SessionUse } from "../core/session/session-registry.ts";
import { RunlogError } from "../ports/errors.ts";
import type { ChunkSource } from "../stream/sse/paced-stream.ts";
import type { RequestAccess } from "./access.ts";
import { breakLate } from "./break-late.ts";
import { watchAccess } from "./recheck.ts";

export interface OpenStreamOptions {
  readonly heartbeat?: Uint8Array<ArrayBuffer>;
  /** Makes what is sent last when the server stops. */
  readonly farewell?: () => Uint8Array<ArrayBuffer>;
  /** For a stream that may go on for long: it ends when the access is withdrawn. */
  readonly access?: RequestAccess;
}

/**
 * Throws `overloaded` when the process has as many streams open as it may, `rate-limited` when the caller has: `access` is that of
 * a stream that may go on for long.
 */
export function assertStreamRoom(
  { callerLimits, pacer, limits }: SessionService,
  access?: RequestAccess,
): void {
  if (pacer.open >= limits.maxStreams)
    throw new RunlogError("overloaded", "Too many streams are open", { limit: limits.maxStreams });
  if (access) callerLimits.assertStream(access.holder);
}

/** Throws `overloaded` when the session has as many viewers as it may; `use` is one of them. */
export function assertViewerRoom({ session }: SessionUse, { limits }: SessionService): void {
  const limit = limits.maxSessionStreams;
  if (session.log.viewers >= limit)
    throw new RunlogError("overloaded", "Too many streams of this session are open", { limit });
}

/**
 * Opens a stream of `source`, or closes it and throws as `assertStreamRoom` does, and `overloaded` once a stopping server
 * has ended its streams: then only one with a farewell is opened, for clients that do not come back after an error.
 */
export function openStream(
  service: SessionService,
  source: ChunkSource,
  { heartbeat, farewell, access }: OpenStreamOptions = {},
): ReadableStream<Uint8Array<ArrayBuffer>> {
  try {
    assertStreamRoom(service, access);
    if (service.pacer.hasEnded && !farewell)
      throw new RunlogError("overloaded", "Server is shutting down");
  } catch (error) {
    source.close();
    throw error;
  }
  const leave = access && service.callerLimits.countStream(access.holder);
  const watch = access && watchAccess(service, access);
  return service.pacer.stream(breakLate(source, service), {
    ...(heartbeat && { heartbeat }),
    ...(farewell && { farewell }),
    ...(watch && { signal: watch.signal, onClosed: () => (watch.stop(), leave?.()) }),
  });
}
