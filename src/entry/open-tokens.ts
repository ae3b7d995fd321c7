import type { Config } from "../config.ts";
import { parseTokenList } from "../core/model/token-list.ts";
import type { Authorize } from "../http/authorize.ts";
import { createTokenAuthorize } from "../http/token-authorize.ts";
import type { Logger } from "../ports/logger.ts";
import { openRereadFile } from "./reread-file.ts";

type TokenConfig = Extract<Config["auth"], { readonly kind: "token" }>;

/**
 * An `authorize` by the tokens that `config` lists. A file is read again when it changes; one that has
 * become unfit leaves the tokens as they were, and is logged. Throws UsageError for one that cannot be read now.
 */
export async function openTokens({ tokens }: TokenConfig, logger: Logger): Promise<Authorize> {
  if (!("file" in tokens)) return createTokenAuthorize(() => tokens);
  const { file } = tokens;
  const readList = await openRereadFile(file, {
    setting: "RUNLOG_TOKENS_FILE",
    read: parseTokenList,
    onProblem: (error) => logger.error("tokens-not-read", { file, error }),
  });
  return createTokenAuthorize(readList);
}
