import { Sha256 } from "../../stream/bytes/sha256.ts";

/** An address that notices are sent to. */
export interface Address {
  readonly url: string;
  /** What stands for it in the outbox. */
  readonly hash: string;
  /** What is logged of it: its path and query may hold a secret. */
  readonly origin: string;
}

/** The addresses of these URLs. */
export function addressesOf(urls: readonly string[]): readonly Address[] {
  return urls.map((url) => {
    const sha = new Sha256();
    sha.update(new TextEncoder().encode(url));
    return { url, hash: sha.hex().slice(0, 16), origin: new URL(url).origin };
  });
}
