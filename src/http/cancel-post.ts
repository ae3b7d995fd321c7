import type { Context } from "hono";
import { parseBody, textField } from "../core/model/json-fields.ts";
import { interruptRun } from "../core/runner/runner-calls.ts";
import type { SessionService } from "../core/service.ts";
import { RunlogError } from "../ports/errors.ts";
import type { SessionKey } from "../ports/log-store.ts";
import { dropJsonBody, MAX_SMALL_BODY, readJsonBody } from "./read-body.ts";
import { sessionKeyOf } from "./session-key.ts";

/** `POST …/agui/cancel`: cancels a run (PROTOCOL 9.9). */
export function cancelPost(service: SessionService) {
  return async (c: Context): Promise<Response> => {
    const key = sessionKeyOf(c);
    const runId = await readRunId(c, service);
    return c.json(await service.runs.cancel(key, runId, () => interrupted(service, key)));
  };
}

/** Asks the session's agent to end its run; resolves with whether it has taken that. Never rejects. */
export function interrupted(service: SessionService, key: SessionKey): Promise<boolean> {
  return interruptRun(service, key).then(
    () => true,
    () => false,
  );
}

/** The run that is meant; null for the active one. */
async function readRunId(c: Context, { bodyBudget }: SessionService): Promise<string | null> {
  const limits = { limitBytes: MAX_SMALL_BODY, budget: bodyBudget };
  if (c.req.header("Content-Type") === undefined) {
    await dropJsonBody(c, limits);
    return null;
  }
  const body = await readJsonBody(c, limits);
  try {
    const given = parseBody(body.bytes);
    return (textField(given, "runId") ?? textField(given, "run_id")) || null;
  } catch (cause) {
    const text = "invalid input: want a JSON object, runId being a string";
    throw new RunlogError("invalid-input", text, { cause });
  } finally {
    body.release();
  }
}
