import { type Browser, chromium } from "playwright-core";

/** As long as `waitFor` waits, in ms: what is only slow comes sooner, however busy the machine. */
export const BROWSER_PATIENCE_MS = 180_000;

/** Debian's Chromium, without what it would ask of the network. */
export function startBrowser(args: readonly string[] = []): Promise<Browser> {
  return chromium.launch({
    executablePath: "/usr/bin/chromium",
    timeout: BROWSER_PATIENCE_MS,
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
