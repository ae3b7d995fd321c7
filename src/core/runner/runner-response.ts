import type { Clock } from "../../ports/clock.ts";
import { hasCode, RunlogError } from "../../ports/errors.ts";
import type { SessionKey } from "../../ports/log-store.ts";
import type { RunnerAnswer, RunnerCall, RunnerClient } from "../../ports/runner-client.ts";
import type { SessionDirectory } from "../../ports/session-directory.ts";
import { concatBytes } from "../../stream/bytes/concat.ts";
import { JsonObjectScanner } from "../../stream/json/json-scan.ts";
import { hideAddresses } from "./redact-addresses.ts";

/** What it takes to call a session's runner. */
export interface RunnerPorts {
  readonly directory: Pick<SessionDirectory, "addressOf">;
  readonly runner: Pick<RunnerClient, "call">;
  readonly clock: Clock;
}

export type RunnerQuestion = Pick<RunnerCall, "method" | "path" | "body" | "timeoutMs">;

/** An answer, and until when (epoch ms) what is needed of its body has to come. */
export interface RunnerReply extends RunnerAnswer {
  readonly address: string;
  readonly untilMs: number;
}

/** What is read of an error, whatever the size of its body. */
const MAX_ERROR_BYTES = 1024;
const MAX_OBJECT_BYTES = 1024 * 1024;

/**
 * Calls the session's runner. Throws `runner-unreachable`, with a text for clients, when there is no
 * answer in time, and when the runner does not know us: that is nothing that a caller could repair.
 */
export async function askRunner(
  { directory, runner, clock }: RunnerPorts,
  key: SessionKey,
  question: RunnerQuestion,
): Promise<RunnerReply> {
  const untilMs = clock.now() + question.timeoutMs;
  const address = await directory.addressOf(key).catch(notReached);
  const { signal } = new AbortController();
  const answer = await runner.call({ ...question, key, address, signal }).catch(notReached);
  if (answer.status === 401) {
    dropBody(answer);
    throw new RunlogError("runner-unreachable", "Runner refused the session token");
  }
  return { ...answer, address, untilMs };
}

export function unavailable(cause?: unknown): RunlogError {
  return new RunlogError("runner-unreachable", "Runner is not available", { cause });
}

/** Whether its address, its token or its pod is missing makes no difference to a client. */
function notReached(cause: unknown): never {
  throw hasCode(cause, "runner-unreachable", "platform-failed") ? unavailable(cause) : cause;
}

/** Closes an answer that nobody reads. */
export function dropBody({ body }: RunnerAnswer): void {
  body?.cancel().catch(() => {
    // it is broken already
  });
}

/** The JSON object that the answer is, or null if it is none, larger than 1 MiB or not in time. */
export async function readObject(
  reply: RunnerReply,
  clock: Clock,
): Promise<Uint8Array<ArrayBuffer> | null> {
  const bytes = await readStart(reply, MAX_OBJECT_BYTES, clock);
  const sound = new TextEncoder().encode(new TextDecoder().decode(bytes));
  const scanner = new JsonObjectScanner([]);
  // a body that was cut is no whole object
  return scanner.push(sound, 0, sound.length) && scanner.end() ? sound : null;
}

/**
 * The runner's refusal as an error: `runner-refused` with its status, and for a text what its JSON
 * says or the first KiB of its body.
 */
export async function readRefusal(reply: RunnerReply, clock: Clock): Promise<RunlogError> {
  const bytes = await readStart(reply, MAX_ERROR_BYTES, clock);
  // "stream" leaves out a character that the limit cut in two
  const body = new TextDecoder().decode(bytes, { stream: true }).trim();
  const text = hideAddresses(saidIn(body) ?? body, reply.address);
  const { status } = reply;
  return new RunlogError("runner-refused", text || `Runner error: HTTP ${status}`, { status });
}

/** What an error document says, by the members that runners and their frameworks use. */
function saidIn(body: string): string | null {
  try {
    const said: Readonly<Record<string, unknown>> = Object(JSON.parse(body));
    for (const text of [said["detail"], said["error"], said["message"]])
      if (typeof text === "string" && text !== "") return text;
  } catch {
    // not JSON: the text itself
  }
  return null;
}

/** The body's first bytes: up to a limit, to its end, until it breaks off, or as far as time goes. */
async function readStart(
  { body, untilMs }: RunnerReply,
  limitBytes: number,
  clock: Clock,
): Promise<Uint8Array<ArrayBuffer>> {
  const reader = body?.getReader();
  const leave = (): void => {
    reader?.cancel().catch(() => {
      // it is broken already
    });
  };
  const cancelTimer = clock.after(Math.max(0, untilMs - clock.now()), leave);
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  try {
    for (let missing = limitBytes; missing > 0;) {
      const chunk = await reader?.read();
      if (!chunk || chunk.done) break;
      chunks.push(chunk.value.subarray(0, missing));
      missing -= chunk.value.length;
    }
  } catch {
    // what has come says enough
  } finally {
    cancelTimer();
    leave();
  }
  return concatBytes(chunks);
}
