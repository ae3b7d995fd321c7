/** What is done to sessions, as it is recorded. */
export type AuditAction =
  | "archive"
  | "ask"
  | "cancel"
  | "change"
  | "create"
  | "delete"
  | "export"
  | "feedback"
  | "fork"
  | "interrupt"
  | "list"
  | "push"
  | "read"
  | "restore"
  | "run"
  | "start"
  | "stop";

/** Who did what, and what became of it. */
export interface AuditEntry {
  readonly action: AuditAction;
  readonly project: string;
  /** Null for what concerns no session, or one that has no name yet. */
  readonly session: string | null;
  /** The caller's id; null where it is not known. */
  readonly caller: string | null;
  /** The caller's name as the identity provider has it; null where it is not known. */
  readonly user: string | null;
  /** Whether somebody has vouched for the caller. */
  readonly isVerified: boolean;
  /** Address of who sent the request; null where it is not known. */
  readonly peer: string | null;
  /** `begun`: it is about to be done. `refused`: the caller may not do it. */
  readonly outcome: "begun" | "done" | "refused" | "failed";
  /** The status of the answer; null while there is none. */
  readonly status: number | null;
  /** The same for what was begun and what became of it. */
  readonly request: string;
}

/** Where it is recorded who did what. */
export interface AuditLog {
  /** Records what was done. Never throws and never blocks; entries keep their order. */
  write(entry: AuditEntry): void;

  /** Records what is about to be done; resolves when that outlives a crash. Throws `audit-not-writable`. */
  writeDurably(entry: AuditEntry): Promise<void>;
}
