import type { SessionService } from "../core/service.ts";
import { RunlogError } from "../ports/errors.ts";
import type { ChunkSource } from "../stream/paced-stream.ts";
import { breakLate } from "./break-late.ts";

/**
 * Opens a stream of `source`, or closes it and throws `overloaded` when the process has as many
 * streams open as it may.
 */
export function openStream(
  service: SessionService,
  source: ChunkSource,
  options: { readonly heartbeat?: Uint8Array<ArrayBuffer> } = {},
): ReadableStream<Uint8Array<ArrayBuffer>> {
  if (service.pacer.open < service.limits.maxStreams)
    return service.pacer.stream(breakLate(source, service), options);
  source.close();
  throw new RunlogError("overloaded", "Too many streams are open", {
    limit: service.limits.maxStreams,
  });
}
