import { onTestFinished } from "vitest";
import { createNatsServer, type NatsServer } from "../../scripts/nats/nats-server.ts";
import { openFeed } from "../../src/entry/open-feed.ts";
import { systemClock } from "../../src/entry/system-clock.ts";
import { parseConfig } from "../../src/config.ts";
import type { LiveFeed } from "../../src/ports/live-feed.ts";
import type { LogFacts } from "../../src/ports/logger.ts";

/** A feed as a server has it, with what it logged. */
export interface OpenedFeed {
  readonly feed: LiveFeed;
  readonly logged: readonly { readonly event: string; readonly facts: LogFacts | undefined }[];
}

/** A NATS server that goes with the test, started unless `isAway`. */
export async function freshNats(config = "", isAway = false): Promise<NatsServer> {
  const server = await createNatsServer(config);
  onTestFinished(() => server.close());
  if (!isAway) await server.start();
  return server;
}

/** The feed of a server with these settings of NATS; it goes with the test. */
export async function freshFeed(env: Readonly<Record<string, string>>): Promise<OpenedFeed> {
  const logged: { event: string; facts: LogFacts | undefined }[] = [];
  const log = (event: string, facts?: LogFacts): void => void logged.push({ event, facts });
  const logger = { info: log, warn: log, error: log };
  const { nats } = parseConfig({ STORAGE_URL: "s3://bucket", ...env });
  const { feed, close } = await openFeed(nats, { clock: systemClock, logger });
  onTestFinished(close);
  return { feed, logged };
}
