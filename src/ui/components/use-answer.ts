import { useCallback, useEffect, useRef, useState } from "preact/hooks";

/** What was asked for: nothing yet, an answer, or why there is none. An answer stays while it is asked for again. */
export interface Answer<T> {
  readonly value: T | null;
  /** Of the last question; null once one was answered. */
  readonly error: unknown;
  readonly isAsking: boolean;
  /** Asks again. */
  readonly ask: () => void;
}

export interface AnswerOptions {
  /** Asks again after so many ms, while the page is visible. Default: once. */
  readonly everyMs?: number | null;
}

/**
 * Asks when it is mounted, when one of `inputs` changes, and again by `ask`. The answer to an earlier question never takes the place
 * of a later one; another `inputs` forgets the answer.
 */
export function useAnswer<T>(
  question: (signal: AbortSignal) => Promise<T>,
  inputs: readonly unknown[],
  { everyMs = null }: AnswerOptions = {},
): Answer<T> {
  const [state, setState] = useState<{ value: T | null; error: unknown; isAsking: boolean }>({
    value: null,
    error: null,
    isAsking: true,
  });
  const [round, setRound] = useState(0);
  const latest = useRef(question);
  latest.current = question;

  useEffect(() => setState({ value: null, error: null, isAsking: true }), inputs);

  useEffect(() => {
    const leaving = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const again = (): void => {
      if (everyMs === null || leaving.signal.aborted) return;
      timer = setTimeout(() => (document.hidden ? again() : setRound((at) => at + 1)), everyMs);
    };
    setState((now) => ({ ...now, isAsking: true }));
    latest
      .current(leaving.signal)
      .then(
        (value) => {
          if (!leaving.signal.aborted) setState({ value, error: null, isAsking: false });
        },
        (error: unknown) => {
          if (!leaving.signal.aborted) setState((now) => ({ ...now, error, isAsking: false }));
        },
      )
      .finally(again);
    return () => {
      leaving.abort();
      clearTimeout(timer);
    };
  }, [...inputs, round, everyMs]);

  const ask = useCallback(() => setRound((at) => at + 1), []);
  return { ...state, ask };
}
