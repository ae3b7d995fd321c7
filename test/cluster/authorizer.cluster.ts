import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import type { Access, Caller, CallerClaims } from "../../src/ports/authorizer.ts";
import { authorizerContract } from "../contract/index.ts";
import { codeOf } from "../contract/outcome.ts";
import { waitFor } from "../contract/wait-for.ts";
import { createAdmin } from "../../scripts/cluster/admin.ts";
import { createRunlog } from "./runlog.ts";

const kubeconfig = inject("kubeconfig");
const admin = createAdmin(kubeconfig);
const runlog = createRunlog({ kubeconfig, trustedProxies: ["10.1.0.0/16", "::1"] });
const { authorizer } = runlog;
let reader: Caller;
let writer: Caller;

const inProject = (verb: Access["verb"], session: string | null = null): Access => ({
  project: "rights",
  session,
  verb,
});

beforeAll(async () => {
  await admin.makeProject("rights");
  await admin.makeProject("elsewhere");
  reader = await admin.makeAccount("rights", "reader");
  writer = await admin.makeAccount("rights", "writer", {
    "ambient-code.io/created-by-user-id": "jane:doe@example.com",
  });
  await admin.allow("rights", reader, ["get", "list"]);
  await admin.allow("rights", writer, ["get", "list", "create", "update"]);
});
afterAll(async () => {
  await runlog.platform.close();
  await admin.close();
});

function claims(token: string | null, others: Partial<CallerClaims> = {}): CallerClaims {
  return {
    token,
    forwardedUser: null,
    forwardedName: null,
    peer: "10.2.0.1",
    project: "rights",
    ...others,
  };
}

let round = 0;
authorizerContract("kubernetes, on a real API server", {
  async create(users) {
    const home = `users-${++round}`;
    await admin.makeProject(home);
    if (round === 1)
      for (const project of ["red", "blue", "green"]) await admin.makeProject(project);
    const callers = new Map<string, Caller>();
    const revokes = new Map<string, (() => Promise<void>)[]>();
    for (const { name, grants } of users) {
      const caller = await admin.makeAccount(home, name);
      callers.set(name, caller);
      const given = grants.map(({ project, session, verbs }) =>
        admin.allow(project, caller, verbs, session),
      );
      revokes.set(name, await Promise.all(given));
    }
    const own = createRunlog({ kubeconfig });
    // the rules take a moment to be heard of
    for (const { name, grants } of users)
      for (const { project, session, verbs } of grants) {
        const caller = callers.get(name);
        const access = { project, session, verb: verbs[0] ?? "get" };
        if (caller) await waitFor(() => own.authorizer.allows(caller, access, { fresh: true }));
      }
    return {
      authorizer: own.authorizer,
      token: (name) => callers.get(name)?.token ?? "",
      userName: (name) => callers.get(name)?.userName ?? "",
      async revoke(name) {
        for (const revoke of revokes.get(name) ?? []) await revoke();
        const caller = callers.get(name);
        if (!caller) return;
        await waitFor(async () => !(await reviewOf(caller, "red")));
      },
      dispose: () => own.platform.close(),
    };
  },
});

/** What the API server says to somebody who has asked nothing before. */
async function reviewOf(caller: Caller, project: string): Promise<boolean> {
  const other = createRunlog({ kubeconfig });
  try {
    return await other.authorizer.allows(caller, { project, session: null, verb: "get" });
  } finally {
    await other.platform.close();
  }
}

describe("kubernetes Authorizer, on a real API server", () => {
  it("answers what the rules say of two accounts, by verb, project and session", async () => {
    const may = (caller: Caller, access: Access): Promise<boolean> =>
      authorizer.allows(caller, access);
    for (const caller of [reader, writer]) {
      expect(await may(caller, inProject("list"))).toBe(true);
      expect(await may(caller, inProject("get", "s"))).toBe(true);
      expect(await may(caller, inProject("delete", "s"))).toBe(false);
      expect(await may(caller, { ...inProject("list"), project: "elsewhere" })).toBe(false);
    }
    expect(await may(reader, inProject("update", "s"))).toBe(false);
    expect(await may(writer, inProject("update", "s"))).toBe(true);
    expect(await may(writer, inProject("create"))).toBe(true);
  });

  it("sees a right that was taken away at once when asked afresh, and remembers it", async () => {
    const caller = await admin.makeAccount("rights", "leaver");
    const revoke = await admin.allow("rights", caller, ["get"]);
    const access = inProject("get", "s");
    await waitFor(() => authorizer.allows(caller, access, { fresh: true }));
    await revoke();
    expect(await authorizer.allows(caller, access)).toBe(true);
    await waitFor(async () => !(await authorizer.allows(caller, access, { fresh: true })));
    expect(await authorizer.allows(caller, access)).toBe(false);
  });

  it("knows who calls by a TokenReview, where there is no SelfSubjectReview", async () => {
    const caller = await authorizer.identify(claims(reader.token));
    expect(caller).toEqual({
      userId: "system-serviceaccount-rights-reader",
      userName: "system:serviceaccount:rights:reader",
      groups: expect.arrayContaining(["system:serviceaccounts:rights"]),
      token: reader.token,
    });
  });

  it("takes an account of the project for the user who made it, and not one of another project", async () => {
    const { userId, userName, groups } = await authorizer.identify(claims(writer.token));
    expect({ userId, userName, groups }).toEqual({
      userId: "jane-doe-example.com",
      userName: null,
      groups: [],
    });
    const elsewhere = claims(writer.token, { project: "elsewhere" });
    expect((await authorizer.identify(elsewhere)).userName).toBe(writer.userName);
  });

  it("believes forwarded names only from a trusted peer, and only with a token that is good", async () => {
    const forwarded = { forwardedUser: "kube:admin", forwardedName: "Admin" };
    for (const peer of ["10.1.2.3", "::ffff:10.1.2.3", "::1"]) {
      const { userId, userName } = await authorizer.identify(
        claims(reader.token, { ...forwarded, peer }),
      );
      expect([userId, userName]).toEqual(["kube-admin", "Admin"]);
      const bad = authorizer.identify(claims("bad", { ...forwarded, peer }));
      expect(await codeOf(bad)).toBe("token-invalid");
    }
    for (const peer of ["10.2.0.1", "::2", null, "nonsense"]) {
      const caller = await authorizer.identify(claims(reader.token, { ...forwarded, peer }));
      expect(caller.userName).toBe(reader.userName);
    }
  });

  it("refuses no token, what cannot be one, and what is none", async () => {
    expect(await codeOf(authorizer.identify(claims(null)))).toBe("token-missing");
    for (const token of ["", "a b", "a\nb", "ü", "nonsense"])
      expect(await codeOf(authorizer.identify(claims(token)))).toBe("token-invalid");
    const stranger = { ...reader, token: "nonsense" };
    expect(await codeOf(authorizer.allows(stranger, inProject("list")))).toBe("token-invalid");
  });

  it("refuses the token of an account that was deleted, some seconds later", async () => {
    const caller = await admin.makeAccount("rights", "gone");
    await authorizer.allows(caller, inProject("get"));
    await admin.ask("DELETE", "/api/v1/namespaces/rights/serviceaccounts/gone");
    const isRefused = async (): Promise<boolean> =>
      (await codeOf(authorizer.allows(caller, inProject("get"), { fresh: true }))) ===
      "token-invalid";
    await waitFor(isRefused);
  });
});
