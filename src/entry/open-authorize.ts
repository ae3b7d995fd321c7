import type { AuthConfig, TokenConfig } from "../config/auth.ts";
import { parseTokenList } from "../core/model/token-list.ts";
import type { Authorize } from "../http/authorize.ts";
import { createTokenAuthorize } from "../http/token-authorize.ts";
import type { Logger } from "../ports/logger.ts";
import { openRereadFile } from "./reread-file.ts";

/**
 * How callers are known by their tokens, or null where the platform knows them, or nobody is asked. Throws
 * UsageError for a list of tokens that cannot be read now.
 */
export async function openAuthorize(auth: AuthConfig, logger: Logger): Promise<Authorize | null> {
  if (auth.kind === "token") return openTokens(auth, logger);
  if (auth.kind === "jwt") return (await import("./jwt-authorize.ts")).createJwtAuthorize(auth);
  return null;
}

/** A file of tokens is read again when it changes; one that has become unfit leaves the tokens as they were, and is logged. */
async function openTokens({ tokens }: TokenConfig, logger: Logger): Promise<Authorize> {
  if (!("file" in tokens)) return createTokenAuthorize(() => tokens);
  const { file } = tokens;
  const readList = await openRereadFile(file, {
    setting: "RUNLOG_TOKENS_FILE",
    read: parseTokenList,
    onProblem: (error) => logger.error("tokens-not-read", { file, error }),
  });
  return createTokenAuthorize(readList);
}
