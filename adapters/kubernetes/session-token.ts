import type { Clock } from "../../src/ports/clock.ts";
import type { SessionKey } from "../../src/ports/log-store.ts";
import { createAnswerCache } from "./answer-cache.ts";
import { type Api, OWN } from "./api.ts";
import { orNull } from "./failure.ts";
import { corePath } from "./resources.ts";

const KNOWN_MS = 60_000;
/** The secret of a new session appears a little after it. */
const MISSING_MS = 5_000;

/** An object of the core group that holds base64 texts. */
export interface Secret {
  readonly data?: Readonly<Record<string, string>> | null;
}

/** The token that a session's runner requires; null if there is none. Fails as `Api`. */
export type SessionTokens = (
  key: SessionKey,
  options: { readonly fresh: boolean },
) => Promise<string | null>;

/**
 * The token in the secret `ambient-runner-token-<session>` of the session's project, found by these two
 * names and nothing else: no host name or header can make it another session's.
 */
export function createSessionTokens(api: Api, clock: Clock): SessionTokens {
  const tokens = createAnswerCache<string | null>({
    clock,
    keepMs: (token) => (token === null ? MISSING_MS : KNOWN_MS),
  });
  return ({ project, session }, { fresh }) => {
    const path = corePath(project, "secrets", `ambient-runner-token-${session}`);
    const read = async (): Promise<string | null> => {
      const secret = await orNull(
        api.json<Secret>({ account: OWN, method: "GET", path }),
        "NotFound",
      );
      return textIn(secret, "agui-token");
    };
    return tokens.get(`${project}/${session}`, read, { isFresh: fresh });
  };
}

/** The text under `key`, or null if there is none or it is empty. */
export function textIn(secret: Secret | null, key: string): string | null {
  const text = secret?.data?.[key];
  return text ? Buffer.from(text, "base64").toString("utf8").trim() || null : null;
}
