import { visit } from "../visit.ts";
import type { Workload } from "../workload.ts";
import { replay } from "./replays.ts";
import { smallOne } from "./views.ts";

/** Most that is archived of one session. */
export const ARCHIVED_MEGABYTES = 5;
const ANSWER_MS = 30_000;
const REPLAY_MS = 10_000;

/** Sessions without runs go to the archive, are watched from there, and every other comes back. */
export const archives: Workload = {
  name: "archives",
  clients: 1,
  async round(context) {
    const resting = context.sessions.filter(({ isResting }) => isResting);
    const session = smallOne({ ...context, sessions: resting }, ARCHIVED_MEGABYTES);
    const post = async (verb: string, body: string): Promise<void> => {
      const path = `${session.path}/${verb}`;
      await visit(context, { name: `posts of ${verb}`, path, body, ms: ANSWER_MS });
    };
    await post("archive", JSON.stringify({ deleteLocal: context.random.integer(2) === 0 }));
    await replay(context, { session, ms: REPLAY_MS });
    if (context.random.integer(2) === 0) await post("restore", "{}");
  },
};
