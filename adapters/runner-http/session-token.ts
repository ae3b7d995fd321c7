import type { Clock } from "../../src/ports/clock.ts";
import { RunlogError } from "../../src/ports/errors.ts";
import type { SessionKey } from "../../src/ports/log-store.ts";
import { wait } from "./retry.ts";

/**
 * The token that a session's runner requires, or null if it requires none. `fresh` reads past every
 * cache: the last token was refused. When it rejects no request is sent to the runner.
 */
export type SessionToken = (
  key: SessionKey,
  options: { readonly fresh: boolean },
) => Promise<string | null>;

export interface TokenContext {
  readonly key: SessionKey;
  readonly sessionToken: SessionToken;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** The part of an answer that is needed to discard it. */
interface Answer {
  readonly response: Response;
  readonly release: () => void;
}

const HEADER = "X-Ambient-Session-Token";
const REFUSED = 401;
/** A runner that was restarted has another token, which its secret has some seconds later. */
const MAX_REREADS = 5;
const REREAD_MS = 1_000;

/**
 * Sends a request with the session's token in its headers; reads the token again and repeats the request
 * while the runner refuses it, 5 times, 1 s apart. Resolves with the last answer, whatever it is.
 */
export async function withSessionToken<T extends Answer>(
  headers: Headers,
  send: () => Promise<T>,
  { key, sessionToken, clock, signal }: TokenContext,
): Promise<T> {
  for (let rereads = 0; ; rereads++) {
    const token = await readToken(sessionToken, key, rereads > 0);
    signal.throwIfAborted();
    if (token === null) headers.delete(HEADER);
    else headers.set(HEADER, token);
    const answer = await send();
    if (answer.response.status !== REFUSED || rereads === MAX_REREADS) return answer;
    drop(answer);
    await wait(REREAD_MS, clock, signal);
  }
}

async function readToken(
  sessionToken: SessionToken,
  key: SessionKey,
  fresh: boolean,
): Promise<string | null> {
  try {
    return await sessionToken(key, { fresh });
  } catch (cause) {
    throw new RunlogError("runner-unreachable", "the session's token cannot be read", { cause });
  }
}

function drop({ response, release }: Answer): void {
  release();
  response.body?.cancel().catch(() => {
    // it is broken already
  });
}
