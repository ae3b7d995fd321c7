import { SignJWT, UnsecuredJWT } from "jose";
import { describe, expect, it } from "vitest";
import { SseReader } from "../contract/read-sse.ts";
import { expectProblem, runBody } from "../contract/session-routes/harness.ts";
import { type ServerProcess, startCli, startServer } from "../support/server-process.ts";
import {
  AUDIENCE,
  type Claims,
  startTokenIssuer,
  type TokenIssuer,
} from "../support/token-issuer.ts";
import { waitFor } from "../support/wait-for.ts";

const SESSIONS = "/api/projects/demo/agentic-sessions";
const WRITER: Claims = { sub: "ann", scope: "openid runlog:write", projects: ["demo"] };
const now = (): number => Math.floor(Date.now() / 1_000);

function serve(issuer: TokenIssuer, env: Record<string, string> = {}): Promise<ServerProcess> {
  return startServer({
    env: {
      RUNLOG_AUTH: "jwt",
      RUNLOG_JWT_ISSUER: issuer.url,
      RUNLOG_JWT_AUDIENCE: AUDIENCE,
      STORAGE_URL: "memory:",
      ...env,
    },
  });
}

const bearer = (token: string): Record<string, string> => ({ Authorization: `Bearer ${token}` });

async function statusOf(server: ServerProcess, token: string, method = "GET"): Promise<number> {
  const body = method === "POST" ? { body: "{}" } : {};
  const headers = { ...bearer(token), "Content-Type": "application/json" };
  const path = method === "DELETE" ? `${SESSIONS}/s1` : SESSIONS;
  const answer = await server.fetch(path, { method, headers, ...body });
  await answer.body?.cancel();
  return answer.status;
}

describe("a server that asks for tokens of an issuer", () => {
  it("lets in whom the issuer vouches for, with what the claims grant", async () => {
    const issuer = await startTokenIssuer();
    const server = await serve(issuer);
    const grants: readonly (readonly [Claims, readonly number[]])[] = [
      // GET, POST and DELETE of a session that is not there
      [WRITER, [200, 201, 403]],
      [{ ...WRITER, scope: "read" }, [200, 403, 403]],
      [{ ...WRITER, scope: ["runlog:admin"] }, [200, 201, 404]],
      [{ ...WRITER, projects: "other, *" }, [200, 201, 403]],
      [{ ...WRITER, projects: "other" }, [403, 403, 403]],
      [{ ...WRITER, projects: 7 }, [403, 403, 403]],
      [{ sub: "ann" }, [403, 403, 403]],
      // as far as clocks may be apart
      [{ ...WRITER, exp: now() - 90 }, [200, 201, 403]],
      [{ ...WRITER, nbf: now() + 90 }, [200, 201, 403]],
      [{ ...WRITER, exp: now() - 150 }, [401, 401, 401]],
      [{ ...WRITER, nbf: now() + 200 }, [401, 401, 401]],
      [{ ...WRITER, exp: undefined }, [401, 401, 401]],
      [{ ...WRITER, aud: "others" }, [401, 401, 401]],
      [{ ...WRITER, iss: "https://other.example" }, [401, 401, 401]],
    ];
    for (const [claims, expected] of grants) {
      const token = await issuer.sign(claims);
      const seen: number[] = [];
      for (const method of ["GET", "POST", "DELETE"])
        seen.push(await statusOf(server, token, method));
      expect(seen, JSON.stringify(claims)).toEqual(expected);
    }
  });

  it("believes no token that somebody else could have made", async () => {
    const issuer = await startTokenIssuer();
    const server = await serve(issuer);
    const claims = { ...WRITER, iss: issuer.url, aud: AUDIENCE, exp: now() + 300 };
    const known = await issuer.sign(WRITER);
    const keys = await (await fetch(`${issuer.url}/keys`)).text();
    const forged = await new SignJWT(claims)
      .setProtectedHeader({ alg: "HS256", kid: "key-1" })
      .sign(new TextEncoder().encode(keys));
    const [head, , signature] = known.split(".");
    const other = Buffer.from(JSON.stringify({ ...claims, scope: "admin" })).toString("base64url");
    for (const token of [
      new UnsecuredJWT(claims).encode(),
      forged,
      `${head}.${other}.${signature}`,
      known.slice(0, -2),
      "a.b.c",
      "x",
    ])
      expect(await statusOf(server, token), token).toBe(401);
    const inUrl = await server.fetch(`${SESSIONS}/s1/agui/events?token=${known}`);
    await expectProblem(inUrl, 401, /^A token in the URL does not count/);
    expect(server.stderr()).not.toContain(known);
  });

  it("follows the issuer to new keys, and does without it while it is away", async () => {
    const issuer = await startTokenIssuer();
    issuer.isUp = false;
    const server = await serve(issuer);
    const first = await issuer.sign(WRITER);
    expect(await statusOf(server, first)).toBe(500);
    issuer.isUp = true;
    expect(await statusOf(server, first)).toBe(200);
    issuer.isUp = false;
    expect(await statusOf(server, first)).toBe(200);
    await issuer.rotate();
    issuer.isUp = true;
    const second = await issuer.sign(WRITER);
    await waitFor(async () => (await statusOf(server, second)) === 200, { what: "the new key" });
    expect(await statusOf(server, first)).toBe(401);
  });

  it("ends the streams of a token that has expired, and finds claims by other names", async () => {
    const issuer = await startTokenIssuer();
    const server = await serve(issuer, {
      RUNLOG_REAUTH: "1s",
      RUNLOG_JWT_USER: "email",
      RUNLOG_JWT_RIGHT: "realm_access.roles",
      RUNLOG_JWT_PROJECTS: "https://runlog.example/projects",
    });
    // clocks may be two minutes apart: this one has half a minute left
    const token = await issuer.sign({
      email: "ann@example.org",
      realm_access: { roles: ["other", "write"] },
      "https://runlog.example/projects": "demo",
      exp: now() - 90,
    });
    const posted = await server.fetch(`${SESSIONS}/s1/agui/run`, {
      method: "POST",
      headers: { ...bearer(token), "Content-Type": "application/json" },
      body: runBody("r1"),
    });
    expect(posted.status).toBe(200);
    const open = await server.fetch(`${SESSIONS}/s1/agui/events`, { headers: bearer(token) });
    await new SseReader(open.body!).rest();
    expect(await statusOf(server, token)).toBe(401);
  });

  it("does not start without knowing whose tokens count, and for whom", async () => {
    const failed = async (env: Record<string, string>): Promise<string> => {
      const cli = startCli({ env });
      expect((await cli.exited).code).not.toBe(0);
      return cli.stderr();
    };
    const none = await failed({ RUNLOG_AUTH: "jwt" });
    expect(none).toContain("RUNLOG_JWT_ISSUER");
    expect(none).toContain("RUNLOG_JWT_AUDIENCE");
    expect(await failed({ RUNLOG_JWT_AUDIENCE: "x" })).toContain("RUNLOG_AUTH=jwt");
  });
});
