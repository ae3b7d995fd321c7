/** The progress of a long operation. */
interface Progress {
  readonly phase: "pack" | "verify" | "restore";
  /** Bytes of the session that this phase has processed, and all that it has to process. */
  readonly doneBytes: number;
  readonly totalBytes: number;
}

export interface WatchOptions {
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}
