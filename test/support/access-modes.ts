import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { UnsecuredJWT } from "jose";
import { onTestFinished } from "vitest";
import {
  formatTokenEntry,
  type TokenEntry,
  type TokenRight,
  tokenDigest,
} from "../../src/core/model/token-list.ts";
import { createClusterServer } from "./cluster-server.ts";
import { freshDir, startServer } from "./server-process.ts";
import { AUDIENCE, type Claims, startTokenIssuer } from "./token-issuer.ts";
import { waitFor } from "./wait-for.ts";

/** Headers that show who calls. */
type Credentials = Readonly<Record<string, string>>;

/** A server that asks callers who they are, in one of the modes. */
export interface AccessServer {
  /** The project in which `read`, `write` and `admin` may do what their names say; `other` may do everything in another one. */
  readonly project: string;
  readonly credentials: Readonly<Record<"read" | "write" | "admin" | "other", Credentials>>;
  /** What lets nobody in, by what is wrong with it. */
  readonly invalid: Readonly<Record<string, Credentials>>;
  /** Whether pages of CopilotKit are served. */
  readonly hasCopilotKit: boolean;
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** Takes the access of `read` away. */
  revoke(): Promise<void>;
  /** All that the server has logged. */
  logged(): string;
}

export interface AccessMode {
  readonly name: string;
  /** Starts a server that goes with the test, which asks again about open streams every second. */
  start(env?: Readonly<Record<string, string>>): Promise<AccessServer>;
}

const bearer = (token: string): Credentials => ({ Authorization: `Bearer ${token}` });
const REAUTH = { RUNLOG_REAUTH: "1s" };

const token: AccessMode = {
  name: "token",
  async start(env = {}) {
    const dir = await freshDir();
    const file = join(dir, "tokens");
    const entry = async (name: string, right: TokenRight, ...projects: string[]) => ({
      name,
      sha256: await tokenDigest(`rl_${name}`),
      right,
      projects: projects.length === 0 ? null : projects,
    });
    const entries = [
      await entry("writer", "write"),
      await entry("admin", "admin", "a", "default"),
      await entry("other", "admin", "elsewhere", "nowhere"),
    ];
    const write = (...more: readonly TokenEntry[]): Promise<void> =>
      writeFile(file, [...entries, ...more].map((each) => `${formatTokenEntry(each)}\n`).join(""));
    await write(await entry("reader", "read", "default"));
    const credentials = {
      read: bearer("rl_reader"),
      write: bearer("rl_writer"),
      admin: bearer("rl_admin"),
      other: bearer("rl_other"),
    };
    const server = await startServer({
      env: {
        ...REAUTH,
        ...env,
        RUNLOG_AUTH: "token",
        RUNLOG_TOKENS_FILE: file,
        STORAGE_URL: "memory:",
      },
    });
    const statusOf = async (headers: Credentials): Promise<number> =>
      (await server.fetch("/api/projects/default/agentic-sessions", { headers })).status;
    return {
      project: "default",
      credentials,
      invalid: {
        unknown: bearer("rl_unknown"),
        "in another header": { "X-Forwarded-Access-Token": "rl_admin" },
        "no bearer": { Authorization: "rl_admin" },
        basic: { Authorization: "Basic YTpi" },
      },
      hasCopilotKit: true,
      fetch: (path, init) => server.fetch(path, init),
      async revoke() {
        await write();
        await waitFor(async () => (await statusOf(credentials.read)) === 401, {
          what: "the token to be refused",
        });
      },
      logged: () => server.stdout() + server.stderr(),
    };
  },
};

const jwt: AccessMode = {
  name: "jwt",
  async start(env = {}) {
    const issuer = await startTokenIssuer();
    const now = Math.floor(Date.now() / 1_000);
    const claims = { sub: "ann", scope: "admin", projects: ["default"] };
    const signed = async (more: Claims): Promise<Credentials> =>
      bearer(await issuer.sign({ ...claims, ...more }));
    const server = await startServer({
      env: {
        ...REAUTH,
        ...env,
        RUNLOG_AUTH: "jwt",
        RUNLOG_JWT_ISSUER: issuer.url,
        RUNLOG_JWT_AUDIENCE: AUDIENCE,
        STORAGE_URL: "memory:",
      },
    });
    const unsigned = { ...claims, iss: issuer.url, aud: AUDIENCE, exp: now + 300 };
    return {
      project: "default",
      credentials: {
        read: await signed({ sub: "reader", scope: "read" }),
        // as far as clocks may be apart
        write: await signed({ sub: "writer", scope: "runlog:write", nbf: now + 110 }),
        admin: await signed({ sub: "admin", projects: "*" }),
        other: await signed({ projects: "elsewhere" }),
      },
      invalid: {
        unknown: bearer("a.b.c"),
        expired: await signed({ exp: now - 130 }),
        "not yet": await signed({ nbf: now + 600 }),
        "without an end": await signed({ exp: undefined }),
        "for another audience": await signed({ aud: "others" }),
        "of another issuer": await signed({ iss: "https://other.example" }),
        unsigned: bearer(new UnsecuredJWT(unsigned).encode()),
      },
      hasCopilotKit: true,
      fetch: (path, init) => server.fetch(path, init),
      async revoke() {
        // whoever comes with the new key lets the server ask for the keys there are
        await issuer.rotate();
        const headers = await signed({});
        await waitFor(
          async () =>
            (await server.fetch("/api/projects/default/agentic-sessions", { headers })).status ===
            200,
          { what: "the new key" },
        );
      },
      logged: () => server.stdout() + server.stderr(),
    };
  },
};

const cluster: AccessMode = {
  name: "kubernetes",
  async start() {
    const server = await createClusterServer({ limits: { reauthMs: 1_000, ticketMs: 1_000 } });
    onTestFinished(() => server.dispose());
    const user = (name: string, project: string, ...verbs: Verb[]): Credentials => {
      server.users.set(`token-of-${name}`, { name, grants: [{ project, verbs }] });
      return bearer(`token-of-${name}`);
    };
    return {
      project: "p1",
      credentials: {
        read: user("reader", "p1", "get", "list"),
        write: user("writer", "p1", "get", "list", "create", "update"),
        admin: user("admin", "p1", "get", "list", "create", "update", "delete"),
        other: user("other", "p2", "get", "list", "create", "update", "delete"),
      },
      invalid: { unknown: bearer("unknown"), empty: bearer(""), "two words": bearer("a b") },
      hasCopilotKit: false,
      fetch: (path, init) => server.fetch(path, init),
      async revoke() {
        server.users.delete("token-of-reader");
      },
      logged: () => server.logged.join("\n"),
    };
  },
};

type Verb = "get" | "list" | "create" | "update" | "delete";

/** Every mode in which callers are asked who they are. */
export const ACCESS_MODES: readonly AccessMode[] = [token, jwt, cluster];
