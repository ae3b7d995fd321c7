import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { onTestFinished } from "vitest";
import { createSessionClient, type RemoteSession } from "../../../src/client/index.ts";
import { BROWSER_PATIENCE_MS } from "../../support/chromium.ts";
import { waitFor } from "../../support/wait-for.ts";

export interface OpenOptions {
  /** What the address says after its `#`. Default: the list. */
  readonly hash?: string;
  readonly colorScheme?: "light" | "dark";
  readonly viewport?: { readonly width: number; readonly height: number };
}

/** The inspector in a page of its own. */
export interface Inspector {
  readonly page: Page;
  /** Exceptions that nobody caught, and what the page's policy refused. */
  readonly failures: readonly string[];
  /** Addresses of other servers that the page asked for. */
  readonly foreign: readonly string[];
}

const AXE = fileURLToPath(import.meta.resolve("axe-core/axe.min.js"));

/** Opens the inspector of a server. It goes with the test, which fails where the page has. */
export async function openInspector(
  browser: Browser,
  origin: string,
  { hash = "", colorScheme = "light", viewport = { width: 1_100, height: 800 } }: OpenOptions = {},
): Promise<Inspector> {
  const context = await browser.newContext({ colorScheme, viewport });
  const page = await context.newPage();
  page.setDefaultTimeout(BROWSER_PATIENCE_MS);
  onTestFinished(() => context.close());
  const failures: string[] = [];
  const foreign: string[] = [];
  page.on("pageerror", (error) => failures.push(String(error)));
  page.on("console", (message) => {
    if (/Content Security Policy|TrustedHTML/.test(message.text())) failures.push(message.text());
  });
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.origin !== origin && url.protocol !== "data:") foreign.push(url.href);
  });
  await page.goto(`${origin}/${hash}`);
  return { page, failures, foreign };
}

/** What a person who needs help to use the page would stumble over, by axe-core. */
export async function violationsIn(page: Page): Promise<readonly string[]> {
  // the page's policy takes no script of anybody else: it is put in from outside
  await page.evaluate(await readFile(AXE, "utf8"));
  return page.evaluate(async () => {
    const { axe } = window as unknown as { readonly axe: AxeRunner };
    const { violations } = await axe.run();
    return violations.map(
      ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(" | ")}`,
    );
  });
}

interface AxeRunner {
  run(): Promise<{
    readonly violations: readonly {
      readonly id: string;
      readonly nodes: readonly { readonly html: string }[];
    }[];
  }>;
}

/** The text of the page's content. */
export const textIn = (page: Page): Promise<string> => page.locator("#main").innerText();

/** Waits until the page's content has a text. */
export async function shows(page: Page, text: string): Promise<void> {
  await waitFor(async () => (await textIn(page)).includes(text), {
    what: `a page with “${text}”`,
  });
}

/** A session of a server, from beside the page. */
export function sessionAt(origin: string, name: string, project = "default"): RemoteSession {
  return createSessionClient({ url: `${origin}/api/projects/${project}/agentic-sessions` }).session(
    name,
  );
}
