import type { PostedEvents } from "../session/admission.ts";
import { linesOf } from "./posted-lines.ts";
import { compareTranscript } from "./posted-transcript.ts";
import type { RunInput } from "./run-input.ts";
import type { RunQueueOptions } from "./run-queue-options.ts";

/** What the log does not have of what a run was posted with. */
export async function postedEvents(
  { kept, messages: all, runId, threadId }: RunInput,
  { clock, readStreamed, session }: Pick<RunQueueOptions, "clock" | "readStreamed" | "session">,
): Promise<PostedEvents> {
  const posted = await compareTranscript(all, session, readStreamed);
  const messages = posted.unknown.flatMap((place) => all[place] ?? []);
  const context = { threadId, runId, timestamp: clock.now() };
  const transcript = [posted.digests, posted.unknown, posted.unfinished] as const;
  return { ...linesOf(messages, kept, context), transcript: [...transcript] };
}
