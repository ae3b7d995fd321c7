import type { Context } from "hono";
import { exportDocument, exportLength, exportLines } from "../core/export.ts";
import type { SessionService } from "../core/service.ts";
import { RunlogError } from "../ports/errors.ts";
import { gzipStream } from "../stream/gzip.ts";
import { directoryOf } from "./access.ts";
import { openStream } from "./open-stream.ts";
import { problemOf } from "./problem.ts";
import { sessionKeyOf } from "./session-key.ts";
import { viewOf } from "./view.ts";

/** `GET …/export`: the whole history as one JSON document, or as JSON lines (contract 2.7). */
export function exportGet(service: SessionService) {
  return async (c: Context): Promise<Response> => {
    const key = sessionKeyOf(c);
    const { store, oldLogs, clock, compactor, sessions } = service;
    const view = viewOf(c);
    const use = sessions.use(key);
    try {
      const shown = await use.session.shown();
      if (!shown && !(await directoryOf(c, service).get(key)))
        throw new RunlogError("session-not-found", "Session not found");

      const isCondensed = shown !== null && view === "condensed";
      // what an earlier process did not get to
      if (isCondensed) compactor.request(key);
      const condensed = isCondensed ? await use.session.compact.find(shown.stat) : null;
      const options = { store, oldLogs, key, shown, condensed, nowMs: clock.now() };
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
      if (shown && shown.skippedLines !== null)
        headers["X-Runlog-Skipped-Lines"] = String(shown.skippedLines);
      if (c.req.method === "HEAD") return c.body(null, 200, headers);

      const source = lines ? exportLines(options) : exportDocument(options);
      const stream = openStream(service, source);
      if (!gzip) return c.body(stream, 200, headers);
      // a client that stops reading stalls the packer, and that the paced stream: one deadline for both
      return c.body(gzipStream(stream), 200, headers);
    } catch (error) {
      return problemOf(c, error, "Failed to read session events");
    } finally {
      use.release();
    }
  };
}

/** Whether a header's list names `value` and does not refuse it by `q=0`. */
function accepts(header: string | undefined, value: string): boolean {
  return (header ?? "").split(",").some((item) => {
    const [name = "", ...parameters] = item.split(";").map((part) => part.trim().toLowerCase());
    return name === value && !parameters.some((part) => /^q=0(\.0*)?$/.test(part));
  });
}
