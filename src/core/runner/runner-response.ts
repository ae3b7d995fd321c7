import type { Clock } from "../../ports/clock.ts";
import { hasCode, RunlogError } from "../../ports/errors.ts";
import type { SessionKey } from "../../ports/log-store.ts";
import type { RunnerAnswer, RunnerCall, RunnerClient } from "../../ports/runner-client.ts";
import type { SessionDirectory } from "../../ports/session-directory.ts";
import { concatBytes } from "../../stream/bytes/concat.ts";
import { JsonObjectScanner } from "../../stream/json/json-scan.ts";
import { hideAddresses } from "./redact-addresses.ts";

/** The ports for calls of a session's runner. */
export interface RunnerPorts {
  readonly directory: Pick<SessionDirectory, "addressOf">;
  readonly runner: Pick<RunnerClient, "call">;
  readonly clock: Clock;
}

export interface RunnerQuestion extends Pick<RunnerCall, "method" | "path" | "body" | "timeoutMs"> {
  /** Which agent is asked, of a session that has none yet. Default: the first. */
  readonly agent?: string | null;
}

/**
 * An answer, and the time (epoch ms) by which the part of its body that is needed has to arrive.
 */
export interface RunnerReply extends RunnerAnswer {
  readonly address: string;
  readonly untilMs: number;
}

/** Bytes that are read of an error's body, whatever its size. */
const MAX_ERROR_BYTES = 1024;
const MAX_OBJECT_BYTES = 1024 * 1024;

/**
 * Calls the session's runner. Throws `runner-unreachable`, with a text for clients, when there is
 * no answer in time, and when the runner refuses our token: a caller could not repair that; and
 * `agent-not-configured`.
 */
export async function askRunner(
  { directory, runner, clock }: RunnerPorts,
  key: SessionKey,
  { agent = null, ...question }: RunnerQuestion,
): Promise<RunnerReply> {
  const untilMs = clock.now() + question.timeoutMs;
  const address = await directory.addressOf(key, agent).catch(notReached);
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

/**
 * Throws the same error whether the address, the token or the pod is missing: a client need not
 * tell them apart.
 */
function notReached(cause: unknown): never {
  throw hasCode(cause, "runner-unreachable", "platform-failed") ? unavailable(cause) : cause;
}

/** Closes an answer whose body is not read. */
export function dropBody({ body }: RunnerAnswer): void {
  body?.cancel().catch(() => {
    // it is broken already
  });
}

/** The answer's JSON object, or null if it is none, larger than 1 MiB or not in time. */
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
 * The runner's refusal as an error: `runner-refused` with its status, and as its text the message
 * of its JSON or the first KiB of its body.
 */
export async function readRefusal(reply: RunnerReply, clock: Clock): Promise<RunlogError> {
  const bytes = await readStart(reply, MAX_ERROR_BYTES, clock);
  // "stream" leaves out a character that the limit cut in two
  const body = new TextDecoder().decode(bytes, { stream: true }).trim();
  const text = hideAddresses(saidIn(body) ?? body, reply.address);
  const { status } = reply;
  return new RunlogError("runner-refused", text || `Runner error: HTTP ${status}`, { status });
}

/** The message of an error document, by the members that runners and their frameworks use. */
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

/**
 * The body's first bytes: up to a limit, to its end, until it breaks off, or until the time is
 * over.
 */
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
    // the bytes received so far are enough
  } finally {
    cancelTimer();
    leave();
  }
  return concatBytes(chunks);
}
