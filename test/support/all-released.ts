import type { SessionService } from "../../src/core/service.ts";
import { waitFor } from "./wait-for.ts";

/** Waits until no stream is open and nobody uses a session. */
export async function allReleased({
  pacer,
  sessions,
}: Pick<SessionService, "pacer" | "sessions">): Promise<void> {
  await waitFor(() => pacer.open === 0 && sessions.used === 0, { what: "streams to be released" });
}
