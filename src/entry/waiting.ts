/** Reports an operation that is waited for, once it takes long. */
export interface Waiting {
  /** From now on it is this; what was waited for before is over. */
  begin(what: string): void;
  /** Nothing is waited for. */
  end(): void;
}

/** People wonder after so long. */
const LONG_MS = 2_000;

/** `onLong` is given `waiting for …`, once for each time of waiting. */
export function createWaiting(onLong: (text: string) => void): Waiting {
  let timer: NodeJS.Timeout | undefined;
  return {
    begin(what) {
      clearTimeout(timer);
      // the operation keeps the process running; its report does not
      timer = setTimeout(() => onLong(`waiting for ${what}`), LONG_MS).unref();
    },
    end: () => clearTimeout(timer),
  };
}
