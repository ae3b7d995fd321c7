import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { onTestFinished } from "vitest";
import { BROWSER_PATIENCE_MS } from "../../support/chromium.ts";

export { startBrowser } from "../../support/chromium.ts";

/** A page that a server of its own delivers. */
export interface PageServer {
  readonly origin: string;
}

const HTML =
  '<!doctype html><meta charset="utf-8"><div id="root"></div><script type="module" src="/page.js"></script>';

/** Its files by their paths in the page's address. */
type Bundle = ReadonlyMap<string, Uint8Array>;

const PAGES = fileURLToPath(new URL("../pages", import.meta.url));
const packageOf = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
/** One React, also for `runlog/react`, which a page imports as it is in its sources. */
const ALIAS = {
  react: packageOf("../node_modules/react"),
  "react-dom": packageOf("../node_modules/react-dom"),
  "runlog/react": packageOf("../../../src/client/react.ts"),
};
const bundles = new Map<string, Promise<Bundle>>();

/** Bundles `pages/<name>`: once, since that takes as long as a test. */
function bundled(name: string): Promise<Bundle> {
  const bundle = bundles.get(name) ?? makeBundle(name);
  bundles.set(name, bundle);
  return bundle;
}

async function makeBundle(name: string): Promise<Bundle> {
  const { outputFiles } = await build({
    entryPoints: [resolve(PAGES, name)],
    bundle: true,
    write: false,
    outdir: "/",
    entryNames: "page",
    format: "esm",
    // what a page may need some day, such as highlighters of all languages, is not loaded with it
    splitting: true,
    target: "chrome120",
    jsx: "automatic",
    alias: ALIAS,
    define: { "process.env.NODE_ENV": '"production"' },
    loader: { ".css": "empty", ".woff": "empty", ".woff2": "empty", ".ttf": "empty" },
    logLevel: "error",
  });
  return new Map(outputFiles.map(({ path, contents }) => [path, contents]));
}

/** Serves `pages/<name>`, or the file of an absolute path, as a page would be; the server goes with the test. */
export async function servePage(name: string): Promise<PageServer> {
  const bundle = await bundled(name);
  const server = createServer((request, response) => {
    const script = bundle.get(request.url ?? "");
    response.writeHead(200, { "content-type": script ? "text/javascript" : "text/html" });
    response.end(script ?? HTML);
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
  page.setDefaultTimeout(BROWSER_PATIENCE_MS);
  onTestFinished(() => page.close());
  const failures: string[] = [];
  page.on("pageerror", (error) => failures.push(String(error)));
  await page.goto(url);
  return { page, failures };
}
