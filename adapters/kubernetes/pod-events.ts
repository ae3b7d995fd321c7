import type { SessionKey } from "../../src/ports/log-store.ts";
import type { PodEvent } from "../../src/ports/session-platform.ts";
import type { Account, Api } from "./api.ts";
import { corePath, podName, type Resource } from "./resources.ts";

interface CoreEvent extends Resource {
  readonly type?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTimestamp?: string | null;
  readonly eventTime?: string | null;
  readonly count?: number | null;
  readonly series?: { readonly count?: number } | null;
}

const MAX_EVENTS = 500;

/** What happened to the session's pod, oldest first. */
export async function podEvents(
  api: Api,
  account: Account,
  key: SessionKey,
): Promise<readonly PodEvent[]> {
  const { items } = await api.json<{ items?: readonly CoreEvent[] | null }>({
    account,
    method: "GET",
    path: corePath(key.project, "events", null),
    query: {
      fieldSelector: `involvedObject.kind=Pod,involvedObject.name=${podName(key)}`,
      limit: String(MAX_EVENTS),
    },
  });
  const events = (items ?? []).map(eventOf);
  return events.sort((a, b) => Date.parse(a.timestamp) - Date.parse(b.timestamp));
}

function eventOf(event: CoreEvent): PodEvent {
  const { type = "", reason = "", message = "", lastTimestamp, eventTime, metadata } = event;
  return {
    type,
    reason,
    message,
    timestamp: lastTimestamp ?? eventTime ?? metadata.creationTimestamp,
    count: event.series?.count ?? event.count ?? 1,
  };
}
