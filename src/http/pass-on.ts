import type { Context } from "hono";
import type { PassedAnswer } from "../core/runner/runner-proxy.ts";
import type { SessionService } from "../core/service.ts";
import { runnerProblem } from "./runner-problem.ts";
import { assertStreamRoom, openStream } from "./open-stream.ts";

/** Passes on the runner's answer: its status, its content type, its body as it comes. */
export async function passOn(
  c: Context,
  service: SessionService,
  open: () => Promise<PassedAnswer>,
): Promise<Response> {
  // before the runner is called for an answer that could not be passed on
  assertStreamRoom(service);
  try {
    const { status, contentType, source } = await open();
    const headers = contentType === null ? {} : { "Content-Type": contentType };
    if (source === null) return new Response(null, { status, headers });
    if (c.req.method === "HEAD") {
      source.close();
      return new Response(null, { status, headers });
    }
    const stream = openStream(service, source);
    return new Response(stream, { status, headers });
  } catch (error) {
    return runnerProblem(c, error);
  }
}
