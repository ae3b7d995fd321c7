import type { SessionService } from "../core/service.ts";
import type { ChunkSource } from "../stream/sse/paced-stream.ts";

/**
 * A delay in ms after everything that a server has scheduled before, since timers fire in the order
 * of their times.
 */
const LATE_MS = 50;

/**
 * The same source, with failures that come a moment later and without a text. Node's server reads a
 * few chunks before it sends the headers; a failure then becomes an answer 500 with the error's
 * text, where a client has to see a connection that breaks (measured, @hono/node-server 2.1).
 */
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
        // real time, whatever clock the service has: the server's own timers must come first
        await new Promise((resolve) => setTimeout(resolve, LATE_MS));
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
