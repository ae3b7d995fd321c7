import * as fc from "fast-check";
import { type CutBytes, cutBytes, eventStream, jsonBytes, jsonWith, piecesOf } from "./inputs.ts";

/** What the runner does with a request. */
export interface RunnerAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: CutBytes;
  readonly end: "clean" | "broken";
}

const json = jsonBytes(jsonWith(["framework", "servers", "tasks", "detail", "error", "status"]));

/** Answers of a runner, used over and over in this order. */
export const runnerAnswers: fc.Arbitrary<RunnerAnswer[]> = fc.array(
  fc.record({
    status: fc.oneof(
      { weight: 4, arbitrary: fc.constant(200) },
      fc.integer({ min: 200, max: 599 }),
    ),
    contentType: fc.constantFrom("text/event-stream", "application/json", "text/html", "", "x"),
    body: cutBytes(fc.oneof(eventStream, json)),
    end: fc.constantFrom("clean" as const, "broken" as const),
  }),
  { minLength: 1, maxLength: 4 },
);

/** Statuses whose answers have no body, by the standard of fetch. */
const NULL_BODY: ReadonlySet<number> = new Set([204, 205, 304]);

/** The answer as fetch gives it. */
export function responseOf({ status, contentType, body, end }: RunnerAnswer): Response {
  const pieces = piecesOf(body);
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      const piece = pieces.shift();
      if (piece !== undefined) controller.enqueue(piece);
      else if (end === "clean") controller.close();
      else controller.error(new TypeError("terminated"));
    },
  });
  const headers = contentType === "" ? {} : { "Content-Type": contentType };
  return new Response(NULL_BODY.has(status) ? null : stream, { status, headers });
}
