import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { onTestFinished } from "vitest";

/** An issuer of OpenID Connect on loopback, that goes with the test. */
export interface TokenIssuer {
  readonly url: string;
  /** Signs with the newest key what `iss`, `aud`, `iat` and `exp` (5 min) are added to, unless given. */
  sign(claims: Claims): Promise<string>;
  /** From now on there is a new key, and the keys before are not told any more. */
  rotate(): Promise<void>;
  /** Whether it answers. */
  isUp: boolean;
}

/** What a token says; a claim that is undefined is not in it. */
export type Claims = Readonly<Record<string, unknown>>;

export const AUDIENCE = "runlog";

export async function startTokenIssuer(): Promise<TokenIssuer> {
  let keys = await freshKeys(1);
  let count = 1;
  const server = createServer((request, response) => {
    const isDiscovery = request.url === "/.well-known/openid-configuration";
    const answer = isDiscovery
      ? { issuer: issuer.url, jwks_uri: `${issuer.url}/keys` }
      : { keys: [keys.jwk] };
    response.writeHead(issuer.isUp ? 200 : 503, { "Content-Type": "application/json" });
    response.end(issuer.isUp ? JSON.stringify(answer) : "");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const issuer: TokenIssuer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    isUp: true,
    async sign(claims) {
      const iat = Math.floor(Date.now() / 1_000);
      const all = { iss: issuer.url, aud: AUDIENCE, iat, exp: iat + 300, ...claims };
      return new SignJWT(all)
        .setProtectedHeader({ alg: "ES256", kid: keys.kid })
        .sign(keys.privateKey);
    },
    async rotate() {
      keys = await freshKeys(++count);
    },
  };
  return issuer;
}

async function freshKeys(number: number) {
  const { privateKey, publicKey } = await generateKeyPair("ES256");
  const kid = `key-${number}`;
  return { kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg: "ES256" } };
}
