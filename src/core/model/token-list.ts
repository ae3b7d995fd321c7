import { projectName } from "./names.ts";
import { RunlogError } from "../../ports/errors.ts";
import { sanitizeUserId } from "../../ports/user-id.ts";

/** What a token's bearer may do; each right includes those before it. */
export const TOKEN_RIGHTS = ["read", "write", "admin"] as const;
export type TokenRight = (typeof TOKEN_RIGHTS)[number];

/** A bearer of a token. The token itself is nowhere. */
export interface TokenEntry {
  /** The bearer's id: `[A-Za-z0-9._-]`, at most 253 characters. */
  readonly name: string;
  /** SHA-256 of the token, 64 lower-case hexadecimal digits. */
  readonly sha256: string;
  readonly right: TokenRight;
  /** The projects that it may use; null for all. */
  readonly projects: readonly string[] | null;
}

/** The bearers by the SHA-256 of their tokens. */
export type TokenList = ReadonlyMap<string, TokenEntry>;

/**
 * Reads a list of tokens: a line a token, `<name> <sha256> <right> <projects>`, the projects separated by
 * commas or `*` for all; empty lines and those that begin with `#` are passed over. Throws `invalid-input`
 * that names every line which is wrong, so that a mistake lets nobody in by chance.
 */
export function parseTokenList(text: string): TokenList {
  const list = new Map<string, TokenEntry>();
  const problems: string[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (/^\s*(?:#|$)/.test(line)) continue;
    const entry = parseEntry(line.trim().split(/\s+/));
    if (typeof entry === "string") problems.push(`line ${index + 1}: ${entry}`);
    else if (list.has(entry.sha256)) problems.push(`line ${index + 1}: the token is listed twice`);
    else list.set(entry.sha256, entry);
  }
  if (problems.length > 0) throw new RunlogError("invalid-input", problems.join("; "));
  return list;
}

/** The line of one token, as `parseTokenList` reads it. */
export function formatTokenEntry({ name, sha256, right, projects }: TokenEntry): string {
  return `${name} ${sha256} ${right} ${projects?.join(",") ?? "*"}`;
}

/** The entry that the columns of a line describe, or what is wrong with them. */
export function parseEntry(columns: readonly string[]): TokenEntry | string {
  const [name = "", sha256 = "", given = "", projects = "", ...more] = columns;
  const right = TOKEN_RIGHTS.find((known) => known === given);
  if (projects === "" || more.length > 0)
    return "a line is <name> <sha256> <right> <projects>, the projects without spaces between them";
  if (sanitizeUserId(name) !== name) return "a name has letters, digits, dots, - and _ only";
  if (!/^[0-9a-f]{64}$/.test(sha256)) return "a SHA-256 is 64 hexadecimal digits in lower case";
  if (!right) return `the right is one of ${TOKEN_RIGHTS.join(", ")}`;
  if (projects === "*") return { name, sha256, right, projects: null };
  const names = projects.split(",");
  if (!names.every(isProject)) return "projects are names separated by commas, or * for all";
  return { name, sha256, right, projects: names };
}

/** The SHA-256 by which a token is listed. */
export async function tokenDigest(token: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(token));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function isProject(name: string): boolean {
  try {
    projectName(name);
    return true;
  } catch {
    return false;
  }
}
