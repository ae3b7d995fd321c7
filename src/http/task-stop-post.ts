import type { Context } from "hono";
import { stopTask } from "../core/runner/runner-calls.ts";
import type { SessionService } from "../core/service.ts";
import { dropJsonBody, MAX_SMALL_BODY } from "./read-body.ts";
import { runnerProblem } from "./runner-problem.ts";
import { sessionKeyOf, taskIdOf } from "./session-key.ts";

/** `POST …/agui/tasks/:taskId/stop`: stops a background task (PROTOCOL 9.7). */
export function taskStopPost(service: SessionService) {
  return async (c: Context): Promise<Response> => {
    const key = sessionKeyOf(c);
    const taskId = taskIdOf(c);
    await dropJsonBody(c, { limitBytes: MAX_SMALL_BODY, budget: service.bodyBudget });
    try {
      await stopTask(service, key, taskId);
      return c.json({ message: "Task stop signal sent" });
    } catch (error) {
      return runnerProblem(c, error);
    }
  };
}
