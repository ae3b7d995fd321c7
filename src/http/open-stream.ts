import type { SessionService } from "../core/service.ts";
import { RunlogError } from "../ports/errors.ts";
import type { ChunkSource } from "../stream/paced-stream.ts";
import { breakLate } from "./break-late.ts";

/** Throws `overloaded` when the process has as many streams open as it may. */
export function assertStreamRoom({ pacer, limits }: SessionService): void {
  if (pacer.open >= limits.maxStreams)
    throw new RunlogError("overloaded", "Too many streams are open", { limit: limits.maxStreams });
}

/** Opens a stream of `source`, or closes it and throws as `assertStreamRoom` does. */
export function openStream(
  service: SessionService,
  source: ChunkSource,
  options: { readonly heartbeat?: Uint8Array<ArrayBuffer> } = {},
): ReadableStream<Uint8Array<ArrayBuffer>> {
  try {
    assertStreamRoom(service);
  } catch (error) {
    source.close();
    throw error;
  }
  return service.pacer.stream(breakLate(source, service), options);
}
