import { hasCode } from "../../ports/errors.ts";
import type { SessionKey } from "../../ports/log-store.ts";
import {
  askRunner,
  dropBody,
  readObject,
  readRefusal,
  type RunnerPorts,
  type RunnerQuestion,
} from "./runner-response.ts";
import type { Runs } from "../runs/runs.ts";

/** How long a call may take. */
export const CALL_TIMEOUT_MS = 10_000;

const encoder = new TextEncoder();

/** The answer for clients where a runner does not report its capabilities. */
const NO_CAPABILITIES = encoder.encode(
  JSON.stringify({
    framework: "unknown",
    agent_features: [],
    platform_features: [],
    file_system: false,
    mcp: false,
  }),
);
const NO_MCP_STATUS = encoder.encode(JSON.stringify({ servers: [], totalCount: 0 }));

/**
 * Interrupts the session's active run, or whatever the runner is doing if no posted run is active.
 * Throws `runner-unreachable` or `runner-refused`, with a text for clients.
 */
export async function interruptRun(
  ports: RunnerPorts & { readonly runs: Pick<Runs, "activeRun"> },
  key: SessionKey,
): Promise<void> {
  const run = ports.runs.activeRun(key);
  await signalRunner(ports, key, "interrupt", run ? { thread_id: run.threadId } : {});
}

/** Stops a background task. `taskId` is valid; throws as `interruptRun`. */
export async function stopTask(ports: RunnerPorts, key: SessionKey, taskId: string): Promise<void> {
  await signalRunner(ports, key, `tasks/${taskId}/stop`, {});
}

/**
 * The capabilities of the session's agent, or of `agent` while it has none: the runner's JSON object, or
 * one without any.
 */
export function readCapabilities(
  ports: RunnerPorts,
  key: SessionKey,
  agent: string | null = null,
): Promise<Uint8Array<ArrayBuffer>> {
  return readObjectOr(NO_CAPABILITIES, ports, key, { path: "capabilities", agent });
}

/** The state of the session's MCP servers: the runner's JSON object, or an empty one. */
export function readMcpStatus(
  ports: RunnerPorts,
  key: SessionKey,
): Promise<Uint8Array<ArrayBuffer>> {
  return readObjectOr(NO_MCP_STATUS, ports, key, { path: "mcp/status" });
}

async function signalRunner(
  ports: RunnerPorts,
  key: SessionKey,
  path: string,
  body: Readonly<Record<string, string>>,
): Promise<void> {
  const reply = await askRunner(ports, key, {
    method: "POST",
    path,
    body: encoder.encode(JSON.stringify(body)),
    timeoutMs: CALL_TIMEOUT_MS,
  });
  if (reply.status !== 200) throw await readRefusal(reply, ports.clock);
  dropBody(reply);
}

async function readObjectOr(
  fallback: Uint8Array<ArrayBuffer>,
  ports: RunnerPorts,
  key: SessionKey,
  question: Pick<RunnerQuestion, "agent" | "path">,
): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const timeoutMs = CALL_TIMEOUT_MS;
    const reply = await askRunner(ports, key, { method: "GET", ...question, timeoutMs });
    if (reply.status === 200) return (await readObject(reply, ports.clock)) ?? fallback;
    dropBody(reply);
  } catch (error) {
    if (!hasCode(error, "runner-unreachable", "agent-not-configured")) throw error;
  }
  return fallback;
}
