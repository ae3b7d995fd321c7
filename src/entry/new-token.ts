import { randomBytes } from "node:crypto";
import {
  formatTokenEntry,
  parseEntry,
  type TokenEntry,
  tokenDigest,
} from "../core/model/token-list.ts";
import { UsageError } from "./exit.ts";

/** A file of secrets is its owner's. */
export const TOKENS_MODE = 0o600;

export interface NewToken {
  /** What its bearer shows. It is nowhere else. */
  readonly token: string;
  readonly entry: TokenEntry;
  /** The entry's line of a list, with its line end. */
  readonly line: string;
}

/** Makes a token of 256 random bits. Throws UsageError for columns that a list cannot have. */
export async function newToken(name: string, right: string, projects: string): Promise<NewToken> {
  const token = `rl_${randomBytes(32).toString("base64url")}`;
  const entry = parseEntry([name, await tokenDigest(token), right, projects]);
  if (typeof entry === "string") throw new UsageError(`No token can be made: ${entry}`);
  return { token, entry, line: `${formatTokenEntry(entry)}\n` };
}
