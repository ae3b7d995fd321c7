import type { Secret } from "../config/secret.ts";
import type { TicketsOptions } from "../core/callers/tickets.ts";

/** The secret that is configured, or else the one that the store keeps. */
export function secretOf(
  configured: Secret | null,
  shared: TicketsOptions["secret"],
): TicketsOptions["secret"] {
  if (!configured) return shared;
  return () => Promise.resolve(new TextEncoder().encode(configured.reveal()));
}
