import type { Context } from "hono";
import { exportDocument, exportLength, exportLines, exportText } from "../core/export/export.ts";
import { exportMarkdown } from "../core/export/export-markdown.ts";
import type { SessionService } from "../core/service.ts";
import type { Session } from "../core/session/session.ts";
import { RunlogError } from "../ports/errors.ts";
import { gzipStream } from "../stream/bytes/gzip.ts";
import { accepts, preferredType } from "./accept.ts";
import { directoryOf } from "./access.ts";
import { openStream } from "./open-stream.ts";
import { problem, problemOf } from "./problem.ts";
import { sessionKeyOf } from "./session-key.ts";
import { viewOf } from "./view.ts";

interface Format {
  readonly name: "json" | "ndjson" | "markdown";
  readonly contentType: string;
  readonly extension: string;
}

/** The formats of an export, by media type; the first is the default. */
const FORMATS: ReadonlyMap<string, Format> = new Map([
  ["application/json", { name: "json", contentType: "application/json", extension: "json" }],
  [
    "application/x-ndjson",
    { name: "ndjson", contentType: "application/x-ndjson", extension: "ndjson" },
  ],
  [
    "text/markdown",
    { name: "markdown", contentType: "text/markdown; charset=utf-8", extension: "md" },
  ],
]);

/**
 * `GET …/export`: the whole history as one JSON document, as JSON lines, or as a conversation in
 * Markdown (PROTOCOL 6).
 */
export function exportGet(service: SessionService) {
  return async (c: Context): Promise<Response> => {
    const key = sessionKeyOf(c);
    const { store, legacyImports, clock, compactor, sessions } = service;
    const view = viewOf(c);
    const format = formatOf(c);
    if (format === null) return notAcceptable(c);
    const write = async (session: Session): Promise<Response> => {
      const found = await session.readable();
      const readable = found && (await sessions.recover(key)) ? await session.readable() : found;
      if (!readable && !(await directoryOf(c, service).get(key)))
        throw new RunlogError("session-not-found", "Session not found");

      const isCompact = readable !== null && view === "condensed" && format.name !== "markdown";
      // runs that an earlier process did not end
      if (isCompact) compactor.request(key);
      const compacted = isCompact ? await session.compact.find(readable.stat) : null;
      const options = { store, legacyImports, key, readable, compacted, nowMs: clock.now() };
      const gzip = accepts(c.req.header("Accept-Encoding"), "gzip");
      const headers: Record<string, string> = {
        "Content-Type": format.contentType,
        "Content-Disposition": `attachment; filename="${key.session}-export.${format.extension}"`,
        Vary: "Accept, Accept-Encoding",
      };
      if (gzip) headers["Content-Encoding"] = "gzip";
      else if (format.name === "ndjson") headers["Content-Length"] = String(exportLength(options));
      if (readable && readable.skippedLines !== null)
        headers["X-Runlog-Skipped-Lines"] = String(readable.skippedLines);
      if (c.req.method === "HEAD") return c.body(null, 200, headers);

      const source = {
        json: () => exportDocument(options),
        ndjson: () => exportLines(options),
        markdown: () => exportText(exportMarkdown(store, key, readable)),
      }[format.name]();
      const stream = openStream(service, source);
      if (!gzip) return c.body(stream, 200, headers);
      // a client that stops reading stalls the packer, and that the paced stream: one deadline for both
      return c.body(gzipStream(stream), 200, headers);
    };
    return sessions
      .with(key, write)
      .catch((error: unknown) => problemOf(c, error, "Failed to read session events"));
  };
}

/** The format that a request asks for: by its URL, else by `Accept`. Null if there is none such. */
function formatOf(c: Context): Format | null {
  const name = c.req.query("format");
  if (name === undefined) return FORMATS.get(preferredType(c, [...FORMATS.keys()]) ?? "") ?? null;
  const named = [...FORMATS.values()].find((format) => format.name === name);
  if (named) return named;
  const names = [...FORMATS.values()].map((format) => format.name);
  throw new RunlogError("invalid-input", `Invalid format: it may be ${listed(names)}`);
}

function notAcceptable(c: Context): Response {
  const detail = `An export is ${listed([...FORMATS.keys()])}`;
  return problem(c, { code: "not-acceptable", detail, headers: { Vary: "Accept" } });
}

function listed(words: readonly string[]): string {
  return `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}
