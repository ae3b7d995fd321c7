import { parseTokenList, type TokenList } from "../core/model/token-list.ts";
import { RunlogError } from "../ports/errors.ts";

/** The tokens that RUNLOG_TOKENS lists, or null where it is not set; what is wrong goes to `problems`. */
export function readTokens(text: string | null, problems: string[]): TokenList | null {
  try {
    return text === null ? null : parseTokenList(text);
  } catch (error) {
    if (!(error instanceof RunlogError)) throw error;
    problems.push(`RUNLOG_TOKENS: ${error.message}`);
    return new Map();
  }
}
