import { type Context, Hono } from "hono";
import { accepts } from "./accept.ts";
import { otherMethods } from "./other-methods.ts";
import { answerWith, PAGE_HEADERS } from "./security-headers.ts";

/** A file of the inspector as it is served. */
export interface PageFile {
  /** Where it lies below the page's own path: `/`, `/assets/index-B7x.js`. */
  readonly path: string;
  /** Its `Content-Type`. */
  readonly type: string;
  readonly body: Uint8Array<ArrayBuffer>;
  /** The same, compressed; null where that is no smaller. */
  readonly gzip: Uint8Array<ArrayBuffer> | null;
  /** A text that changes with the content. */
  readonly version: string;
  /** Whether its path changes with its content. */
  readonly isImmutable: boolean;
}

const YEAR_S = 31_536_000;
const NOT_BUILT =
  "The inspector, runlog's page to look at sessions, is not built.\n" +
  "Run `npm run build:ui` and start the server again.\n";

/**
 * The inspector (PROTOCOL 25): its files from memory. Without files a text at its place says how they are made. None of them says
 * anything about sessions: who opens the page still needs the right to read these.
 */
export function createPageRoutes(files: readonly PageFile[]): Hono {
  const routes = new Hono();
  if (files.length === 0) routes.get("/", (c) => c.text(NOT_BUILT, 503));
  for (const file of files) {
    routes.get(file.path, (c) => answer(c, file));
    routes.all(file.path, otherMethods(["GET"]));
  }
  return routes;
}

function answer(c: Context, file: PageFile): Response {
  answerWith(c, PAGE_HEADERS);
  const gzip = accepts(c.req.header("Accept-Encoding"), "gzip") ? file.gzip : null;
  const ETag = `"${file.version}${gzip ? "-gzip" : ""}"`;
  const headers = {
    ETag,
    Vary: "Accept-Encoding",
    "Cache-Control": file.isImmutable ? `public, max-age=${YEAR_S}, immutable` : "no-cache",
  };
  const known = (c.req.header("If-None-Match") ?? "").split(",").map((tag) => tag.trim());
  if (["*", ETag, `W/${ETag}`].some((tag) => known.includes(tag)))
    return c.body(null, 304, headers);
  return c.body(gzip ?? file.body, 200, {
    ...headers,
    "Content-Type": file.type,
    ...(gzip && { "Content-Encoding": "gzip" }),
  });
}
