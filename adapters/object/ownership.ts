import type { SessionKey } from "../../src/ports/log-store.ts";
import type { SessionOwner, SessionOwnership } from "../../src/ports/session-owner.ts";
import type { Leases } from "./lease.ts";
import type { OwnedSessions } from "./owned-sessions.ts";
import type { Owner } from "./owner.ts";

export interface OwnershipOptions {
  readonly leases: Leases;
  readonly owner: Pick<Owner, "peerOf">;
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
    const { holder: id } = await leases.holderOf(key);
    if (id === null) return { kind: "nobody" };
    return { kind: "elsewhere", id, peer: await owner.peerOf(id) };
  }

  return {
    owns: (key) => !isClosed() && sessions.owns(key),

    ownerOf,

    async acquire(key) {
      assertOpen();
      return (await sessions.acquire(key)) ? { kind: "here" } : ownerOf(key);
    },

    async release(key) {
      if (!isClosed()) await sessions.release(key);
    },

    async leave() {
      if (!isClosed()) await sessions.leave();
    },
  };
}
