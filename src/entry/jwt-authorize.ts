import { createRemoteJWKSet, errors, type JWTPayload, jwtVerify, type JWTVerifyGetKey } from "jose";
import type { JwtConfig } from "../config/auth.ts";
import { TOKEN_RIGHTS, type TokenEntry } from "../core/model/token-list.ts";
import type { Authorize } from "../http/authorize.ts";
import { bearerToken, mayWith } from "../http/rights.ts";
import { RunlogError } from "../ports/errors.ts";

/** Signatures that only the issuer can make: with a shared secret whoever checks a token could make one. */
const ALGORITHMS = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
];
/** So far in s clocks may be apart. */
const SKEW_S = 120;
/** So long in ms keys count; a key that is not among them is asked for, once in `COOLDOWN_MS`. */
const KEYS_MS = 600_000;
const COOLDOWN_MS = 5_000;
const ASK_MS = 5_000;

/**
 * An `authorize` by tokens that an issuer of OpenID Connect has signed (JWT, RFC 7519), in `Authorization` only. Its keys are
 * fetched when the first token comes. What the issuer does not say is never taken for a no: the request fails
 * with `review-failed`.
 */
export function createJwtAuthorize(config: JwtConfig): Authorize {
  const keys = createKeys(config);
  const { issuer, audience } = config;

  async function payloadOf(token: string): Promise<JWTPayload> {
    try {
      const options = { issuer, audience, algorithms: ALGORITHMS, clockTolerance: SKEW_S };
      const { payload } = await jwtVerify(token, keys, { ...options, requiredClaims: ["exp"] });
      return payload;
    } catch (error) {
      if (!(error instanceof errors.JOSEError)) throw error;
      throw new RunlogError("token-invalid", "Token expired or invalid", { cause: error });
    }
  }

  return async (c) => {
    const token = bearerToken(c);
    if (token === null) return null;
    const payload = await payloadOf(token);
    const user = claim(payload, config.userClaim);
    return {
      user: typeof user === "string" ? user : null,
      may: mayOf({
        rights: words(claim(payload, config.rightClaim)),
        projects: words(claim(payload, config.projectsClaim)),
      }),
    };
  };
}

/** The issuer's keys, from where it says that they are. */
function createKeys({ issuer, jwksUrl }: JwtConfig): JWTVerifyGetKey {
  const open = async (): Promise<JWTVerifyGetKey> =>
    createRemoteJWKSet(jwksUrl === null ? await discover(issuer) : new URL(jwksUrl), {
      cacheMaxAge: KEYS_MS,
      cooldownDuration: COOLDOWN_MS,
      timeoutDuration: ASK_MS,
    });
  let opened: Promise<JWTVerifyGetKey> | null = null;
  return async (...args) => {
    try {
      opened ??= open();
      return await (
        await opened
      )(...args);
    } catch (cause) {
      if (
        cause instanceof errors.JWKSNoMatchingKey ||
        cause instanceof errors.JWKSMultipleMatchingKeys
      )
        throw cause;
      opened = null;
      throw new RunlogError("review-failed", "The issuer of tokens does not tell its keys", {
        cause,
      });
    }
  };
}

/** Where an issuer has its keys (OpenID Connect Discovery 1.0, section 4). */
async function discover(issuer: string): Promise<URL> {
  const url = `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
  const answer = await fetch(url, { signal: AbortSignal.timeout(ASK_MS) });
  if (!answer.ok) throw new TypeError(`${url} answered ${answer.status}`);
  const found: { issuer?: unknown; jwks_uri?: unknown } = Object(await answer.json());
  if (found.issuer !== issuer) throw new TypeError(`${url} names another issuer`);
  return new URL(String(found.jwks_uri));
}

interface Granted {
  readonly rights: readonly string[];
  readonly projects: readonly string[];
}

/** What a token grants: nothing without a right and a project. */
function mayOf({ rights, projects }: Granted): ReturnType<typeof mayWith> {
  const right = TOKEN_RIGHTS.findLast(
    (name) => rights.includes(name) || rights.includes(`runlog:${name}`),
  );
  if (right === undefined) return () => false;
  const allowed: TokenEntry["projects"] = projects.includes("*") ? null : projects;
  return mayWith({ right, projects: allowed });
}

/** A claim by its name, or by the names that lead to it, separated by dots. */
function claim(payload: JWTPayload, name: string): unknown {
  if (Object.hasOwn(payload, name)) return payload[name];
  let value: unknown = payload;
  for (const part of name.split(".")) {
    const members: Record<string, unknown> = Object(value);
    value = Object.hasOwn(members, part) ? members[part] : undefined;
  }
  return value;
}

/** The words of a claim: those of a list, or of a text by spaces and commas. */
function words(value: unknown): readonly string[] {
  if (typeof value === "string") return value.split(/[\s,]+/).filter((word) => word !== "");
  return Array.isArray(value) ? value.filter((word) => typeof word === "string") : [];
}
