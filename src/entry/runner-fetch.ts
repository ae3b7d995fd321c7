import {
  Agent,
  buildConnector,
  fetch as undiciFetch,
  type RequestInit as UndiciInit,
} from "undici";
import type { HttpRunnerClientOptions } from "../../adapters/runner-http/index.ts";
import { readFinalAnswer } from "./final-answers.ts";

export type RunnerFetch = HttpRunnerClientOptions["fetch"];

const CONNECT_TIMEOUT_MS = 5_000;

/**
 * Node's own fetch ends a body that is silent for 300 s and has no connect time-out. The runner
 * client decides how long headers may take.
 */
export function createRunnerFetch(): RunnerFetch {
  const connect = buildConnector({ timeout: CONNECT_TIMEOUT_MS });
  const dispatcher = new Agent({
    connect(options, callback) {
      connect(options, (...result) => {
        const [, socket] = result;
        if (socket) readFinalAnswer(socket);
        callback(...result);
      });
    },
    headersTimeout: 0,
    bodyTimeout: 0,
    // a connection a run: one kept alive may be closed by the runner as the next run is posted
    pipelining: 0,
  });
  // the package's own fetch: the built-in one takes an agent of its own version only. The two are
  // the same interface, but each has types of its own
  return async (url, init) =>
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see above
    (await undiciFetch(url, { ...(init as UndiciInit), dispatcher })) as unknown as Response;
}
