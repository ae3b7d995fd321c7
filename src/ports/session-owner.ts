import type { SessionKey } from "./log-store.ts";

/** How a process is reached that shares a store with this one. */
export interface PeerAddress {
  /** The base of its URLs, without a slash at its end. */
  readonly url: string;
  /**
   * A secret that the process tells to those alone who may read the store: with it a request shows that
   * it comes from a process that shares the store.
   */
  readonly key: string;
}

/**
 * The process that has a session, and that alone may write it: this one (`here`); another living one, its
 * address null if it has told none (`elsewhere`); or none (`nobody`).
 */
export type SessionOwner =
  | { readonly kind: "here" }
  | { readonly kind: "elsewhere"; readonly id: string; readonly peer: PeerAddress | null }
  | { readonly kind: "nobody" };

/**
 * Which process has a session. One at a time has it, and writes it.
 *
 * **Consistency.** A process that has a session has it until it lets it go, or has been silent for too long, also if it
 * only slept; the clocks of processes need not agree. While `owns` is true no other process has written the session since this one took it. A write takes
 * a session that nobody has, and lets it go some time after the last one; `acquire` takes it before there is anything to
 * write, and keeps it, unless others cannot reach this process. Where one process opens a store it has every session.
 *
 * **Failures** of `ownerOf` and `acquire` are those of `LogStore.stat`.
 */
export interface SessionOwnership {
  /** Whether this process has the session for sure now. Asks nobody. */
  owns(key: SessionKey): boolean;

  /** Who has the session now, whether there is a log or not. */
  ownerOf(key: SessionKey): Promise<SessionOwner>;

  /**
   * Takes the session if nobody has it, whether there is a log or not, and keeps it until `release`.
   * Resolves with who has it then: `nobody` only after `leave`.
   */
  acquire(key: SessionKey): Promise<SessionOwner>;

  /**
   * Lets others have the session, unless something of it is under way or a run of it is marked open here: then it goes
   * by itself some time after that, and after `leave` with the next `release`. Never rejects.
   */
  release(key: SessionKey): Promise<void>;

  /**
   * Takes no session from now on, and lets go of all that have no run marked open here: the process is about to
   * stop. Each of the others goes by `release`, whatever is marked, or with the store. Never rejects.
   */
  leave(): Promise<void>;
}

/** The ownership of a store, for one that stands before it. */
export function ownershipOf(store: SessionOwnership): SessionOwnership {
  return {
    owns: (key) => store.owns(key),
    ownerOf: (key) => store.ownerOf(key),
    acquire: (key) => store.acquire(key),
    release: (key) => store.release(key),
    leave: () => store.leave(),
  };
}

const HERE: SessionOwner = { kind: "here" };

/** The ownership of a store that one process opens at a time; `assertOpen` throws once it is closed. */
export function createSoleOwnership(assertOpen: () => void): SessionOwnership {
  const here = async (): Promise<SessionOwner> => {
    assertOpen();
    return HERE;
  };
  return { owns: () => true, ownerOf: here, acquire: here, async release() {}, async leave() {} };
}
