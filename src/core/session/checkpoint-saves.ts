/** Saves of a checkpoint, one at a time. */
export class CheckpointSaves {
  readonly #write: () => Promise<void>;
  #saving: Promise<void> = Promise.resolve();
  #queued: Promise<void> | null = null;

  /** `write` saves the checkpoint as it is then. */
  constructor(write: () => Promise<void>) {
    this.#write = write;
  }

  /**
   * Saves the checkpoint as it is now; calls that come while one is being saved share the next save. Rejects as `write`
   * does.
   */
  save(): Promise<void> {
    this.#queued ??= this.settled().then(() => {
      this.#queued = null;
      this.#saving = this.#write();
      return this.#saving;
    });
    return this.#queued;
  }

  /** Resolves when the save that is under way has come to its end. */
  settled(): Promise<void> {
    return this.#saving.catch(() => {});
  }
}
