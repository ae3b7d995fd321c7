import type { SessionKey } from "../../src/ports/log-store.ts";
import type { SessionOwner, SessionOwnership } from "../../src/ports/session-owner.ts";
import type { Leases } from "./lease.ts";
import type { OwnedSessions } from "./owned-sessions.ts";
import type { Owner } from "./owner.ts";

export interface OwnershipOptions {
  readonly leases: Leases;
  readonly owner: Pick<Owner, "leave" | "peerOf">;
  readonly sessions: OwnedSessions;
  readonly isClosed: () => boolean;
  /** Throws when the store is closed. */
  readonly assertOpen: () => void;
}

/** Which process has a session, by its lease. */
export function createOwnership(options: OwnershipOptions): SessionOwnership {
  const { assertOpen, isClosed, leases, owner, sessions } = options;

  async function ownerOf(key: SessionKey): Promise<SessionOwner> {
    assertOpen();
    if (sessions.owns(key)) return { kind: "here" };
    const { holder } = await leases.holderOf(key);
    return holder === null ? { kind: "nobody" } : elsewhere(holder);
  }

  async function elsewhere(id: string): Promise<SessionOwner> {
    return { kind: "elsewhere", id, peer: await owner.peerOf(id) };
  }

  return {
    owns: (key) => !isClosed() && sessions.owns(key),

    ownerOf,

    async acquire(key) {
      assertOpen();
      const { holder, isOurs } = await sessions.acquire(key);
      if (isOurs) return { kind: "here" };
      return holder === null ? ownerOf(key) : elsewhere(holder);
    },

    async release(key) {
      if (!isClosed()) await sessions.release(key);
    },

    async leave() {
      if (!isClosed()) await Promise.all([owner.leave(), sessions.leave()]);
    },
  };
}
