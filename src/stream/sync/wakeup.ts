/** Lets one side sleep until the other has news. */
export class Wakeup {
  #resolve: (() => void) | null = null;

  /** Until the next `notify`. One sleeper at a time. */
  wait(): Promise<void> {
    return new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  notify(): void {
    this.#resolve?.();
    this.#resolve = null;
  }
}
