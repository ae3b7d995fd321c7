import { type Context, Hono } from "hono";
import { encodeBase64 } from "../../stream/bytes/base64.ts";
import { otherMethods } from "../other-methods.ts";
import { answerWith, SECURITY_HEADERS } from "../security-headers.ts";
import { openApiDocument } from "./document.ts";
import { openApiPage } from "./page.ts";

/** What is sent, made when it is first asked for. */
interface Pages {
  readonly json: string;
  readonly html: string;
  /** The page may have its own style, and nothing else. */
  readonly policy: string;
}

/** It changes with the software only. */
const CACHED = "public, max-age=300";

/**
 * `/openapi.json`, what the server answers as OpenAPI 3.1, and `/docs`, the same for people (PROTOCOL 24). Nobody is asked for a
 * token: both are the same on every server of a version.
 */
export function createDocsRoutes(): Hono {
  let made: Promise<Pages> | null = null;
  const pages = (): Promise<Pages> => (made ??= makePages());
  const routes = new Hono();
  routes.get("/openapi.json", async (c) => {
    const { json } = await pages();
    // whatever page may read it: there is nothing in it that is secret
    const headers = { "Access-Control-Allow-Origin": "*", "Cache-Control": CACHED };
    return c.body(json, 200, { "Content-Type": "application/json", ...headers });
  });
  routes.get("/docs", async (c: Context) => {
    const { html, policy } = await pages();
    answerWith(c, { ...SECURITY_HEADERS, "Content-Security-Policy": policy });
    const headers = { "Content-Type": "text/html; charset=utf-8", "Cache-Control": CACHED };
    return c.body(html, 200, headers);
  });
  for (const path of ["/openapi.json", "/docs"]) routes.all(path, otherMethods(["GET"]));
  return routes;
}

async function makePages(): Promise<Pages> {
  const document = openApiDocument();
  const html = openApiPage(document);
  const style = /<style>([^]*?)<\/style>/.exec(html)?.[1] ?? "";
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(style));
  const hash = encodeBase64(new Uint8Array(digest));
  return {
    json: JSON.stringify(document),
    html,
    policy: `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  };
}
