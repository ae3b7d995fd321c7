import type { Context } from "hono";
import type { PassedAnswer } from "../core/runner-body.ts";
import type { SessionService } from "../core/service.ts";
import { breakLate } from "./break-late.ts";
import { runnerProblem } from "./runner-problem.ts";
import { checkStreamLimit } from "./stream-limit.ts";

/** Answers with what the runner answers: its status, its content type, its body as it comes. */
export async function passOn(
  c: Context,
  service: SessionService,
  open: () => Promise<PassedAnswer>,
): Promise<Response> {
  checkStreamLimit(service);
  try {
    const { status, contentType, source } = await open();
    const headers = contentType === null ? {} : { "Content-Type": contentType };
    if (source === null) return new Response(null, { status, headers });
    if (c.req.method === "HEAD") {
      source.close();
      return new Response(null, { status, headers });
    }
    const stream = service.pacer.stream(breakLate(source, service));
    return new Response(stream, { status, headers });
  } catch (error) {
    return runnerProblem(c, error);
  }
}
