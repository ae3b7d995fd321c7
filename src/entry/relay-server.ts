import { createDiskSpool } from "../../adapters/disk/index.ts";
import { madeNoConnection } from "../../adapters/runner-http/retry.ts";
import type { Logger } from "../ports/logger.ts";
import { type AgentFetch, createMemorySpool, createRelay } from "../relay/index.ts";
import { BackOff } from "../stream/sync/back-off.ts";
import { pause, settledWithin } from "../stream/sync/pause.ts";
import { createAgentFetch } from "./agent-fetch.ts";
import { createYoungCollector } from "./collect-young.ts";
import { createHttpServer } from "./http-server.ts";
import { listen } from "./listen.ts";
import { stderrLogger } from "./log/stderr-logger.ts";
import { systemClock } from "./system-clock.ts";
import { openRereadFile, readToken } from "./reread-file.ts";

export interface RelayConfig {
  /** Where runs are posted. */
  readonly agent: string;
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
  /** Directory of the spool; null keeps it in memory. */
  readonly dir: string | null;
  readonly maxBytes: number;
  /** File with the token that callers send; null if they need none. */
  readonly tokenFile: string | null;
}

export interface RunningRelay {
  readonly url: string;
  /** Waits for open runs, up to `drainMs`, and ends. */
  close(drainMs: number): Promise<void>;
}

const MAX_CONNECTIONS = 1_000;
const CONNECTIONS_MS = 1_000;
/** A log is dropped in pieces of the spool: the part that each of many logs may hold too much. */
const PIECES = 256;
const MAX_PIECE_BYTES = 1024 * 1024;

/**
 * An agent that starts beside its relay is not there at once. The server does not try again once the
 * relay has taken its request, so the relay does, for less than the time that the server waits.
 */
const CONNECT_FOR_MS = 20_000;
const BACK_OFF = { firstMs: 250, maxMs: 2_000, factor: 1.5 } as const;

/** Starts a relay that listens. Throws what the spool throws, or a listen error. */
export async function startRelay(
  config: RelayConfig,
  logger: Logger = stderrLogger,
): Promise<RunningRelay> {
  const { agent, host, port, dir, maxBytes, tokenFile } = config;
  const sessionToken =
    tokenFile === null
      ? null
      : await openRereadFile(tokenFile, { setting: "RUNLOG_RELAY_TOKEN_FILE", read: readToken });
  const fileBytes = Math.min(MAX_PIECE_BYTES, Math.ceil(maxBytes / PIECES));
  const relay = await createRelay({
    agent,
    fetch: patientFetch(createAgentFetch(createYoungCollector()), agent),
    spool: dir === null ? createMemorySpool() : await createDiskSpool({ dir, fileBytes, logger }),
    maxBytes,
    clock: systemClock,
    logger,
    ...(sessionToken && { sessionToken }),
  });
  const server = createHttpServer((request) => relay.fetch(request));
  const target = { port, host, maxConnections: MAX_CONNECTIONS, logger };
  const listening = await listen(server, target).catch(async (error: unknown) => {
    await relay.close();
    throw error;
  });
  const name = host.includes(":") ? `[${host}]` : host;
  return {
    url: `http://${name}:${listening.port}`,
    async close(drainMs) {
      await relay.close({ drainMs });
      const stopped = listening.close();
      await settledWithin(CONNECTIONS_MS, systemClock, stopped);
      server.closeAllConnections();
    },
  };
}

/** Posts a run again as long as no connection to the agent could be made, for 20 s. */
function patientFetch(fetch: AgentFetch, agent: string): AgentFetch {
  const runs = new URL(agent).href;
  return async (url, init) => {
    const untilMs = systemClock.now() + CONNECT_FOR_MS;
    const isRepeatable = init.method === "POST" && url === runs && !isStream(init.body);
    for (const backOff = new BackOff(BACK_OFF); ;) {
      const waitMs = backOff.next();
      try {
        return await fetch(url, init);
      } catch (error) {
        const isOver = init.signal?.aborted === true || systemClock.now() + waitMs > untilMs;
        if (!isRepeatable || isOver || !madeNoConnection(error)) throw error;
      }
      await pause(waitMs, systemClock, init.signal ?? null);
    }
  };
}

function isStream(body: RequestInit["body"]): boolean {
  return body instanceof ReadableStream;
}
