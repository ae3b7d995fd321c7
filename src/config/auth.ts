import { parseTokenList, type TokenList } from "../core/model/token-list.ts";
import { RunlogError } from "../ports/errors.ts";
import { type KubernetesConfig, readCluster } from "./cluster.ts";
import { type Read, SERVERS, type Setting, setting, text } from "./setting.ts";
import { oneOf, readUrl } from "./values.ts";

export type AuthConfig = NoAuthConfig | TokenConfig | JwtConfig | KubernetesConfig;

/** Nobody is asked. */
interface NoAuthConfig {
  readonly kind: "none";
}

export interface TokenConfig {
  readonly kind: "token";
  /** The tokens, or the file that lists them. */
  readonly tokens: TokenList | TokensFile;
}

interface TokensFile {
  readonly file: string;
  /** Whether it is the directory's own, which a first start makes. */
  readonly isMade: boolean;
}

export interface JwtConfig {
  readonly kind: "jwt";
  /** The `iss` of tokens; where its keys are it tells by OpenID Connect Discovery, unless `jwksUrl` does. */
  readonly issuer: string;
  readonly audience: string;
  readonly jwksUrl: string | null;
  /** Names of claims. */
  readonly userClaim: string;
  readonly rightClaim: string;
  readonly projectsClaim: string;
}

export interface AuthSettings {
  readonly auth: Setting<AuthConfig["kind"]>;
  readonly tokensFile: Setting<string | null>;
  readonly tokens: Setting<string | null>;
  readonly jwtIssuer: Setting<string | null>;
  readonly jwtAudience: Setting<string | null>;
  readonly jwtKeys: Setting<string | null>;
  readonly jwtUser: Setting<string>;
  readonly jwtRight: Setting<string>;
  readonly jwtProjects: Setting<string>;
}

const claim = (name: string, byDefault: string, meaning: string): Setting<string> =>
  setting(name, byDefault, (given) => given, {
    shown: byDefault,
    meaning: `with RUNLOG_AUTH=jwt: the claim that ${meaning}; a.b is b within a`,
    form: "a name",
    group: "Access",
    entries: SERVERS,
  });

/** Who is asked for what, and how that is known. */
export const AUTH_SETTINGS: AuthSettings = {
  auth: setting("RUNLOG_AUTH", "none", oneOf("none", "token", "jwt", "kubernetes"), {
    shown: "none",
    meaning:
      "none (everybody may do everything), token (a list of tokens), jwt (tokens of an OpenID Connect issuer) or kubernetes (the API server is asked)",
    form: "none, token, jwt or kubernetes",
    flag: "auth",
    group: "Access",
    entries: SERVERS,
  }),
  tokensFile: text("RUNLOG_TOKENS_FILE", {
    shown: "tokens in the directory of STORAGE_URL, made by the first start",
    meaning: "with RUNLOG_AUTH=token: the file with the list of tokens, read again when it changes",
    flag: "tokens-file",
    group: "Access",
  }),
  tokens: text("RUNLOG_TOKENS", {
    shown: "",
    meaning: "the list itself, where there is no file; lines of <name> <sha256> <right> <projects>",
    group: "Access",
    entries: SERVERS,
  }),
  jwtIssuer: setting<string | null>("RUNLOG_JWT_ISSUER", null, readUrl, {
    shown: "",
    meaning: "with RUNLOG_AUTH=jwt: the issuer of tokens, as their `iss` has it",
    form: "an http(s) URL",
    group: "Access",
    entries: SERVERS,
  }),
  jwtAudience: text("RUNLOG_JWT_AUDIENCE", {
    shown: "",
    meaning: "with RUNLOG_AUTH=jwt: whom tokens are meant for, as their `aud` has it",
    group: "Access",
    entries: SERVERS,
  }),
  jwtKeys: setting<string | null>("RUNLOG_JWT_JWKS", null, readUrl, {
    shown: "where the issuer says",
    meaning: "with RUNLOG_AUTH=jwt: address of the issuer's keys",
    form: "an http(s) URL",
    group: "Access",
    entries: SERVERS,
  }),
  jwtUser: claim("RUNLOG_JWT_USER", "sub", "names the caller"),
  jwtRight: claim(
    "RUNLOG_JWT_RIGHT",
    "scope",
    "has read, write or admin, or runlog:read and so on",
  ),
  jwtProjects: claim("RUNLOG_JWT_PROJECTS", "projects", "has the projects, * for all"),
};

/**
 * How callers are known; what is wrong, also what counts in another mode only, goes to `problems`. `dir` is
 * the directory of the logs, or null if they are in none.
 */
export function readAuth(value: Read, dir: string | null, problems: string[]): AuthConfig {
  const kind = value(AUTH_SETTINGS.auth);
  const kubernetes = readCluster(value);
  const token = readToken(value, { isAsked: kind === "token", dir }, problems);
  const jwt = readJwt(value, kind === "jwt", problems);
  return { none: { kind: "none" } as const, token, jwt, kubernetes }[kind];
}

function readToken(
  value: Read,
  { isAsked, dir }: { readonly isAsked: boolean; readonly dir: string | null },
  problems: string[],
): TokenConfig {
  const file = value(AUTH_SETTINGS.tokensFile);
  const listed = value(AUTH_SETTINGS.tokens);
  if (!isAsked && (listed ?? file) !== null)
    problems.push("RUNLOG_TOKENS and RUNLOG_TOKENS_FILE need RUNLOG_AUTH=token");
  if (listed !== null && file !== null)
    problems.push("RUNLOG_TOKENS and RUNLOG_TOKENS_FILE are both set");
  if (isAsked && listed === null && file === null && dir === null)
    problems.push(
      "RUNLOG_AUTH=token without a directory of logs needs a RUNLOG_TOKENS_FILE: `runlog token add <name>` makes one",
    );
  const own = { file: `${dir ?? "."}/tokens`, isMade: true };
  const tokensFile = file === null ? own : { file, isMade: false };
  return { kind: "token", tokens: readList(listed, problems) ?? tokensFile };
}

function readList(listed: string | null, problems: string[]): TokenList | null {
  try {
    return listed === null ? null : parseTokenList(listed);
  } catch (error) {
    if (!(error instanceof RunlogError)) throw error;
    problems.push(`RUNLOG_TOKENS: ${error.message}`);
    return null;
  }
}

function readJwt(value: Read, isAsked: boolean, problems: string[]): JwtConfig {
  const issuer = value(AUTH_SETTINGS.jwtIssuer);
  const audience = value(AUTH_SETTINGS.jwtAudience);
  const jwksUrl = value(AUTH_SETTINGS.jwtKeys);
  if (isAsked && issuer === null)
    problems.push("RUNLOG_AUTH=jwt needs a RUNLOG_JWT_ISSUER: the `iss` of its tokens");
  if (isAsked && audience === null)
    problems.push(
      "RUNLOG_AUTH=jwt needs a RUNLOG_JWT_AUDIENCE: tokens for others are not to count",
    );
  if (!isAsked && (issuer ?? audience ?? jwksUrl) !== null)
    problems.push("RUNLOG_JWT_… needs RUNLOG_AUTH=jwt");
  return {
    kind: "jwt",
    issuer: issuer ?? "",
    audience: audience ?? "",
    jwksUrl,
    userClaim: value(AUTH_SETTINGS.jwtUser),
    rightClaim: value(AUTH_SETTINGS.jwtRight),
    projectsClaim: value(AUTH_SETTINGS.jwtProjects),
  };
}
