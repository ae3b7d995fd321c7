import { vi } from "vitest";
import { CLIENTS, type Followed } from "../../support/agui-clients.ts";
import { ACCEPTED_AGENTS, REFUSED_AGENTS } from "./agents.ts";
import { ACCEPTED_CONTENT, REFUSED_CONTENT } from "./content.ts";
import { ACCEPTED_RUNS, ACCEPTED_UNTIL_DRAFT, REFUSED_RUNS } from "./lifecycle.ts";
import { ACCEPTED_STATE } from "./state.ts";
import type { Case, Event, RefusedCase } from "./stream.ts";
import { ACCEPTED_TEXTS, REFUSED_TEXTS } from "./text.ts";

/** Streams that clients of 1.0 accept. */
export const ACCEPTED: readonly Case[] = [
  ...ACCEPTED_RUNS,
  ...ACCEPTED_UNTIL_DRAFT,
  ...ACCEPTED_TEXTS,
  ...ACCEPTED_CONTENT,
  ...ACCEPTED_STATE,
  ...ACCEPTED_AGENTS,
];

/** Streams that they refuse. */
export const REFUSED: readonly RefusedCase[] = [
  ...REFUSED_RUNS,
  ...REFUSED_TEXTS,
  ...REFUSED_CONTENT,
  ...REFUSED_AGENTS,
];

/** What is asked of a runner that answers with a stream, as its client then has it. */
export const ASKED = { id: "m-r1", role: "user", content: "hi" };

/** Whether the stream is one run from its begin to its end. */
export function isWhole({ stream }: Case): boolean {
  const boundaries = stream.filter(({ type }) => type.startsWith("RUN_"));
  return (
    boundaries.length === 2 && boundaries[0] === stream[0] && stream.at(-1)?.type === "RUN_FINISHED"
  );
}

/** The events of a stream as its producer sends them. */
export function linesOf(stream: readonly Event[]): string[] {
  return stream.map((event) => JSON.stringify(event));
}

/** The same as the body of an event stream. */
export function bodyOf(stream: readonly Event[]): string {
  return linesOf(stream)
    .map((line) => `data: ${line}\n\n`)
    .join("");
}

/** Clients say what they think of a stream, for each event of it: from now on nobody hears that. */
export function hushClients(): void {
  for (const method of ["warn", "error"] as const)
    vi.spyOn(console, method).mockImplementation(() => {});
}

/** What a client of this version has of the event stream at `url`, as JSON. */
export async function follow(
  version: string,
  url: string,
  initialMessages: readonly unknown[] = [],
): Promise<Followed> {
  const client = CLIENTS.find((other) => other.version === version);
  if (!client) throw new Error(`No client ${version}`);
  const { messages, state } = await client.follow(url, { initialMessages });
  return JSON.parse(JSON.stringify({ messages, state })) as Followed;
}
