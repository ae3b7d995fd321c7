import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { onTestFinished } from "vitest";

/** Debian's Chromium, without what it would ask of the network. */
export function startBrowser(args: readonly string[] = []): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      ...args,
    ],
  });
}

/** A page that a server of its own delivers. */
export interface PageServer {
  readonly origin: string;
}

const HTML =
  '<!doctype html><meta charset="utf-8"><div id="root"></div><script type="module" src="/page.js"></script>';

const bundles = new Map<string, Promise<Uint8Array | string>>();

/** Bundles `pages/<name>`: once, since that takes as long as a test. */
function bundled(name: string): Promise<Uint8Array | string> {
  const bundle = bundles.get(name) ?? makeBundle(name);
  bundles.set(name, bundle);
  return bundle;
}

async function makeBundle(name: string): Promise<Uint8Array | string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(`../pages/${name}`, import.meta.url))],
    bundle: true,
    write: false,
    outdir: "page",
    entryNames: "page",
    format: "esm",
    target: "chrome120",
    jsx: "automatic",
    define: { "process.env.NODE_ENV": '"production"' },
    loader: { ".css": "empty", ".woff": "empty", ".woff2": "empty", ".ttf": "empty" },
    logLevel: "error",
  });
  return outputFiles.find(({ path }) => path.endsWith("page.js"))?.contents ?? "";
}

/** Serves `pages/<name>` as a page would be; the server goes with the test. */
export async function servePage(name: string): Promise<PageServer> {
  const script = await bundled(name);
  const server = createServer((request, response) => {
    const isScript = request.url === "/page.js";
    response.writeHead(200, { "content-type": isScript ? "text/javascript" : "text/html" });
    response.end(isScript ? script : HTML);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/** Opens a page; `failures` are exceptions that nobody caught. It goes with the test. */
export async function openPage(
  browser: Browser | BrowserContext,
  url: string,
): Promise<{ readonly page: Page; readonly failures: readonly string[] }> {
  const page = await browser.newPage();
  onTestFinished(() => page.close());
  const failures: string[] = [];
  page.on("pageerror", (error) => failures.push(String(error)));
  await page.goto(url);
  return { page, failures };
}
