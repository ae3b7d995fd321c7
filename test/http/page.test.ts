import { serve } from "@hono/node-server";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { Hono } from "hono";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { createMemoryLogStore } from "../../adapters/memory/index.ts";
import { createRunlog } from "../../src/entry/embed.ts";
import { createPageRoutes, type PageFile } from "../../src/http/page-routes.ts";
import { securityHeaders } from "../../src/http/security-headers.ts";
import { buildPage } from "../support/build-page.ts";
import { freshDir, startServer } from "../support/server-process.ts";

beforeAll(buildPage);

const bytes = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

const FILES: readonly PageFile[] = [
  {
    path: "/",
    type: "text/html; charset=utf-8",
    body: bytes("<p>"),
    gzip: null,
    version: "v1",
    isImmutable: false,
  },
  {
    path: "/assets/a-1.js",
    type: "text/javascript; charset=utf-8",
    body: bytes("plain"),
    gzip: bytes("packed"),
    version: "v2",
    isImmutable: true,
  },
];

function served(files: readonly PageFile[]): Hono {
  return new Hono().use("*", securityHeaders()).route("/", createPageRoutes(files));
}

describe("the page", () => {
  it("runs scripts and styles of its own, and nothing of anybody else", async () => {
    const { status, headers } = await served(FILES).request("/");
    const policy = headers.get("Content-Security-Policy") ?? "";
    expect(status).toBe(200);
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|sandbox|https?:|\*/);
    expect(headers.get("X-Content-Type-Options")).toBe("nosniff");
    expect(headers.get("Referrer-Policy")).toBe("no-referrer");
  });

  it("is asked for again each time, what it is made of never", async () => {
    const app = served(FILES);
    const page = await app.request("/");
    const script = await app.request("/assets/a-1.js");
    expect(page.headers.get("Cache-Control")).toBe("no-cache");
    expect(script.headers.get("Cache-Control")).toBe("public, max-age=31536000, immutable");
    const again = await app.request("/", {
      headers: { "If-None-Match": page.headers.get("ETag")! },
    });
    expect(again.status).toBe(304);
    expect(await again.text()).toBe("");
  });

  it("comes compressed to who takes that, with another ETag", async () => {
    const app = served(FILES);
    const plain = await app.request("/assets/a-1.js");
    const packed = await app.request("/assets/a-1.js", { headers: { "Accept-Encoding": "gzip" } });
    expect([await plain.text(), await packed.text()]).toEqual(["plain", "packed"]);
    expect(packed.headers.get("Content-Encoding")).toBe("gzip");
    const refused = { "Accept-Encoding": "gzip;q=0, br" };
    const unpacked = await app.request("/assets/a-1.js", { headers: refused });
    expect(unpacked.headers.get("Content-Encoding")).toBeNull();
    const any = await app.request("/assets/a-1.js", { headers: { "If-None-Match": "*" } });
    expect(any.status).toBe(304);
    expect(packed.headers.get("ETag")).not.toBe(plain.headers.get("ETag"));
  });

  it("answers GET alone, and what is data stays data", async () => {
    const app = served(FILES);
    const post = await app.request("/", { method: "POST" });
    expect([post.status, post.headers.get("Allow")]).toEqual([405, "GET, HEAD, OPTIONS"]);
    expect(post.headers.get("Content-Security-Policy")).toContain("sandbox");
    expect((await app.request("/", { method: "HEAD" })).status).toBe(200);
  });

  it("says how it is made where it is not", async () => {
    const answer = await served([]).request("/");
    expect(answer.status).toBe(503);
    expect(await answer.text()).toContain("npm run build:ui");
  });
});

describe("a server", () => {
  it("has the page at its address", async () => {
    const server = await startServer({ env: { STORAGE_URL: "memory:" } });
    const html = await (await server.fetch("/")).text();
    expect(html).toContain('content="demo"');
    const [, script = ""] = /src="\.(\/assets\/[^"]+\.js)"/.exec(html) ?? [];
    expect((await server.fetch(script)).headers.get("Content-Type")).toContain("javascript");
  });

  it.each([
    ["0", 404],
    ["1", 200],
  ])("that asks who calls has it by RUNLOG_UI: %s is %i", async (RUNLOG_UI, status) => {
    const dir = await freshDir();
    const tokens = join(dir, "tokens");
    await writeFile(tokens, "");
    const server = await startServer({
      env: { STORAGE_URL: "memory:", RUNLOG_AUTH: "token", RUNLOG_TOKENS_FILE: tokens, RUNLOG_UI },
    });
    expect((await server.fetch("/")).status).toBe(status);
  });
});

describe("a host", () => {
  it("mounts the page and the sessions at a path of its own", async () => {
    const runlog = await createRunlog({
      storage: createMemoryLogStore(),
      runner: "http://127.0.0.1:1/",
      project: "shop",
      ui: true,
    });
    const app = new Hono().mount("/runlog", runlog.fetch);
    const server = serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 });
    await once(server, "listening");
    onTestFinished(async () => {
      await runlog.close();
      server.close();
    });
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    expect(await (await fetch(`${origin}/runlog/`)).text()).toContain('content="shop"');
    const sessions = await fetch(`${origin}/runlog/api/projects/shop/agentic-sessions`);
    expect(sessions.status).toBe(200);
  });

  it("has no page unless it asks for one", async () => {
    const runlog = await createRunlog({
      storage: createMemoryLogStore(),
      runner: "http://127.0.0.1:1/",
      authorize: () => null,
    });
    onTestFinished(() => runlog.close());
    expect((await runlog.fetch(new Request("http://127.0.0.1/"))).status).toBe(404);
  });
});
