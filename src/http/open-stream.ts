import type { SessionService } from "../core/service.ts";
import { RunlogError } from "../ports/errors.ts";
import type { ChunkSource } from "../stream/paced-stream.ts";

/**
 * Opens a stream of `source`, or closes it and throws `overloaded` when the process has as many
 * streams open as it may.
 */
export function openStream(
  { pacer, limits }: SessionService,
  source: ChunkSource,
  options: { readonly heartbeat?: Uint8Array<ArrayBuffer> } = {},
): ReadableStream<Uint8Array<ArrayBuffer>> {
  if (pacer.open < limits.maxStreams) return pacer.stream(source, options);
  source.close();
  throw new RunlogError("overloaded", "Too many streams are open", { limit: limits.maxStreams });
}
