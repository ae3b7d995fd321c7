import type { RunFacts } from "../../client/index.ts";
import type { SessionApi } from "../api/connection.ts";
import { type RunItem, RunItems } from "./run-items.ts";

/** A run as far as it is compared. */
export interface ReadRun {
  readonly facts: RunFacts;
  readonly items: readonly RunItem[];
  /** Whether there was more than is compared. */
  readonly isCut: boolean;
}

const MAX_ITEMS = 300;
const EVENTS_A_PAGE = 2_000;
const MAX_EVENTS = 100_000;

/** Reads what happened in a run that has begun, up to 300 items or 100,000 events. */
export async function readRun(
  session: SessionApi,
  facts: RunFacts,
  signal: AbortSignal,
): Promise<ReadRun> {
  const items = new RunItems(MAX_ITEMS);
  let read = 0;
  for (let after = facts.startCursor; after !== null;) {
    const limit = Math.min(EVENTS_A_PAGE, facts.events - read);
    if (limit <= 0 || items.isCut || read >= MAX_EVENTS) break;
    const page = await session.page({ after, limit, view: "raw", signal });
    for (const event of page.events) items.add(event);
    read += page.events.length;
    after = page.hasAfter ? page.end : null;
  }
  return { facts, items: items.items, isCut: items.isCut || read < facts.events };
}
