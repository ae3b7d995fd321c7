/** How far a long operation is. */
interface Progress {
  readonly phase: "pack" | "verify" | "restore";
  /** Bytes of the session that this phase is through with, and all that it has to do. */
  readonly doneBytes: number;
  readonly totalBytes: number;
}

export interface WatchOptions {
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}
