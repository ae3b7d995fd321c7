import { createHash } from "node:crypto";

/** What stands for a token where it must not lie about: the whole of its SHA-256. */
export function digestOf(token: string): string {
  return createHash("sha256").update(token).digest("base64");
}
