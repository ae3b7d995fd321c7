import type { Context } from "hono";
import { exportDocument, exportLength, exportLines } from "../core/export.ts";
import type { CompactPosition } from "../core/compaction/compact-log.ts";
import type { SessionService } from "../core/service.ts";
import { RunlogError } from "../ports/errors.ts";
import type { LogStat, SessionKey } from "../ports/log-store.ts";
import { openStream } from "./open-stream.ts";
import { problemOf } from "./problem.ts";
import { sessionKeyOf } from "./session-key.ts";
import { viewOf } from "./view.ts";

/** `GET …/export`: the whole history as one JSON document, or as JSON lines (contract 2.7). */
export function exportGet(service: SessionService) {
  return async (c: Context): Promise<Response> => {
    const key = sessionKeyOf(c);
    const { store, directory, clock } = service;
    const view = viewOf(c);
    try {
      const stat = await store.stat(key);
      if (!stat && !(await directory.get(key)))
        throw new RunlogError("session-not-found", "Session not found");

      const condensed = view === "condensed" && stat ? await condensedIn(service, key, stat) : null;
      const options = { store, key, stat, condensed, nowMs: clock.now() };
      const lines = accepts(c.req.header("Accept"), "application/x-ndjson");
      const gzip = accepts(c.req.header("Accept-Encoding"), "gzip");
      const headers: Record<string, string> = {
        "Content-Type": lines ? "application/x-ndjson" : "application/json",
        "Content-Disposition": `attachment; filename="${key.session}-export.${lines ? "ndjson" : "json"}"`,
        "Cache-Control": "no-cache",
        Vary: "Accept, Accept-Encoding",
      };
      if (gzip) headers["Content-Encoding"] = "gzip";
      else if (lines) headers["Content-Length"] = String(exportLength(options));
      if (c.req.method === "HEAD") return c.body(null, 200, headers);

      const source = lines ? exportLines(options) : exportDocument(options);
      const stream = openStream(service, source);
      if (!gzip) return c.body(stream, 200, headers);
      // a client that stops reading stalls the packer, and that the paced stream: one deadline for both
      return c.body(stream.pipeThrough(new CompressionStream("gzip")), 200, headers);
    } catch (error) {
      return problemOf(c, error, "Failed to read session events");
    }
  };
}

/** How far the log is condensed; what is not asks for it. */
async function condensedIn(
  { compactor, sessions }: SessionService,
  key: SessionKey,
  stat: LogStat,
): Promise<CompactPosition | null> {
  const use = sessions.use(key);
  try {
    compactor.request(key);
    return await use.session.compact.find(stat);
  } finally {
    use.release();
  }
}

/** Whether a header's list names `value` and does not refuse it by `q=0`. */
function accepts(header: string | undefined, value: string): boolean {
  return (header ?? "").split(",").some((item) => {
    const [name = "", ...parameters] = item.split(";").map((part) => part.trim().toLowerCase());
    return name === value && !parameters.some((part) => /^q=0(\.0*)?$/.test(part));
  });
}
