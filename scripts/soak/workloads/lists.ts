import { setTimeout as sleep } from "node:timers/promises";
import { sessionPath } from "../../bench/data-dir.ts";
import type { Workload } from "../workload.ts";

const PAUSE_MS = 1_000;

/** What the tabs of a front end ask for every few seconds. */
export const lists: Workload = {
  name: "lists",
  clients: 4,
  async round(context) {
    const { port, random, sessions, signal } = context;
    const base = `http://127.0.0.1:${port}`;
    const offset = random.integer(sessions.length);
    const paths = [
      `${sessionPath("").slice(0, -1)}?limit=100&offset=${offset}`,
      random.pick(sessions).path,
    ];
    for (const path of paths) {
      const fromMs = Date.now();
      const response = await fetch(`${base}${path}`, { signal });
      const text = await response.text();
      const { status, headers } = response;
      context.count(`lists and documents answered ${status}`);
      if (status >= 500) context.failed({ what: path, status, headers, fromMs, text });
      else JSON.parse(text);
    }
    await sleep(PAUSE_MS, undefined, { signal });
  },
};
