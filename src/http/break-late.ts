import type { SessionService } from "../core/service.ts";
import { aMomentLater } from "../stream/sse/late-failure.ts";
import type { ChunkSource } from "../stream/sse/paced-stream.ts";

/** The same source, with failures that come a moment later (`aMomentLater`) and without a text. */
export function breakLate(
  source: ChunkSource,
  { logger }: Pick<SessionService, "logger">,
): ChunkSource {
  return {
    async next() {
      try {
        return await source.next();
      } catch (error) {
        logger.warn("answer-broken-off", { error });
        await aMomentLater();
        // oxlint-disable-next-line preserve-caught-error -- the server prints what it is given
        throw new Error("broken off");
      }
    },
    get atBoundary() {
      return source.atBoundary;
    },
    close() {
      source.close();
    },
  };
}
