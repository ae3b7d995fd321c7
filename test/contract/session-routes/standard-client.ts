import { expect } from "vitest";
import { SseReader } from "../read-sse.ts";
import type { SessionClient } from "./harness.ts";
import { runBody, type SessionRoutesHarness, tell } from "./harness.ts";

export type Event = Record<string, unknown>;

export const STREAM: Record<string, string> = { Accept: "text/event-stream" };

export const json = (event: Event): string => JSON.stringify(event);
export const textStart: string = json({
  type: "TEXT_MESSAGE_START",
  messageId: "a",
  role: "assistant",
});
export const text = (delta: string): string =>
  json({ type: "TEXT_MESSAGE_CONTENT", messageId: "a", delta });
export const textEnd: string = json({ type: "TEXT_MESSAGE_END", messageId: "a" });
export const REPLY: readonly string[] = [textStart, text("Hel"), text("lo"), textEnd];

/** A stream of the standard profile, and what it says. */
export async function post(
  session: SessionClient,
  suffix: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<SseReader> {
  const response = await session.post(suffix, JSON.stringify(body), headers);
  if (!response.body) throw new Error(`No stream: ${response.status}`);
  expect(response.status).toBe(200);
  expect(response.headers.get("Content-Type")).toBe("text/event-stream");
  return new SseReader(response.body);
}

export async function allOf(sse: SseReader): Promise<Event[]> {
  const events: Event[] = [];
  for (let frame = await sse.frame(); frame !== null; frame = await sse.frame())
    if (frame.data !== null) events.push(JSON.parse(frame.data) as Event);
  return events;
}

export async function connect(
  session: SessionClient,
  body: Event = {},
  query = "",
): Promise<Event[]> {
  return allOf(await post(session, `/agui/connect${query}`, body));
}

export const types = (events: readonly Event[]): unknown[] => events.map(({ type }) => type);

/** Plays one run after the other to its end. */
export async function playRuns(
  server: SessionRoutesHarness,
  session: SessionClient,
  runs: readonly (readonly string[])[],
): Promise<void> {
  for (const [index, events] of runs.entries()) {
    server.runner.script((exchange) => tell(exchange, events));
    await session.run(runBody(`r${index}`));
    await session.settled(`r${index}`);
  }
}
