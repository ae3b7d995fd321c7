import { timeGet } from "./reading.ts";
import { createSequenceReader } from "./sequence.ts";
import { createEndFinder } from "./sse-client.ts";

/** The fake runner's last event; it ends no line of the others. */
const RUN_END = '"type":"RUN_FINISHED"';

/**
 * Reads a session's raw log from its beginning to the end of its run: how many of the fake runner's events come
 * whole, once and in order before the first that does not.
 */
export async function readAgain(port: number, path: string): Promise<number> {
  const reader = createSequenceReader();
  const isEnd = createEndFinder(RUN_END);
  await timeGet({
    port,
    path: `${path}/agui/events?view=raw`,
    enough(bytes) {
      reader.add(bytes);
      return isEnd(bytes);
    },
  });
  return reader.inOrder;
}
