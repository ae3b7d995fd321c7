import type { Context } from "hono";
import { interruptRun } from "../core/runner/runner-calls.ts";
import type { SessionService } from "../core/service.ts";
import { dropJsonBody, MAX_SMALL_BODY } from "./read-body.ts";
import { runnerProblem } from "./runner-problem.ts";
import { sessionKeyOf } from "./session-key.ts";

/** `POST …/agui/interrupt`: interrupts the active run (PROTOCOL 9.3). */
export function interruptPost(service: SessionService) {
  return async (c: Context): Promise<Response> => {
    const key = sessionKeyOf(c);
    await dropJsonBody(c, { limitBytes: MAX_SMALL_BODY, budget: service.bodyBudget });
    try {
      await interruptRun(service, key);
      return c.json({ message: "Interrupt signal sent" });
    } catch (error) {
      return runnerProblem(c, error);
    }
  };
}
