import { decodeBase64, encodeBase64 } from "../../stream/bytes/base64.ts";

const PREFIX = "whsec_";
const MIN_SECRET_BYTES = 24;
const MAX_SECRET_BYTES = 64;

/** How a secret is written. */
export const SECRET_FORM =
  "whsec_ and 24 to 64 random bytes in base64, as of: echo whsec_$(openssl rand -base64 32)";

/** What is signed with a secret; several secrets give several signatures. */
export interface SignedMessage {
  readonly id: string;
  /** Epoch seconds. */
  readonly timestamp: number;
  readonly body: string;
}

/** The bytes of a secret in the form of Standard Webhooks, or null if it is none. */
function parseSecret(text: string): Uint8Array<ArrayBuffer> | null {
  if (!text.startsWith(PREFIX)) return null;
  try {
    const bytes = decodeBase64(text.slice(PREFIX.length));
    const fits = bytes.length >= MIN_SECRET_BYTES && bytes.length <= MAX_SECRET_BYTES;
    return fits ? bytes : null;
  } catch {
    return null;
  }
}

/** The secrets in a comma-separated text, or null if one of them is none. */
export function parseSecrets(text: string): readonly Uint8Array<ArrayBuffer>[] | null {
  const secrets = text.split(",").map((each) => parseSecret(each.trim()));
  return secrets.includes(null) ? null : secrets.flatMap((secret) => secret ?? []);
}

/** The header `webhook-signature`: one `v1` signature for each secret. */
export async function sign(
  { id, timestamp, body }: SignedMessage,
  secrets: readonly Uint8Array<ArrayBuffer>[],
): Promise<string> {
  const text = new TextEncoder().encode(`${id}.${timestamp}.${body}`);
  const signatures = secrets.map(async (secret) => {
    const algorithm = { name: "HMAC", hash: "SHA-256" };
    const key = await crypto.subtle.importKey("raw", secret, algorithm, false, ["sign"]);
    return `v1,${encodeBase64(new Uint8Array(await crypto.subtle.sign("HMAC", key, text)))}`;
  });
  return (await Promise.all(signatures)).join(" ");
}
