import { describe, expect, it } from "vitest";
import type {
  Access,
  AccessVerb,
  Authorizer,
  Caller,
  CallerClaims,
} from "../../src/ports/authorizer.ts";
import { codeOf } from "./outcome.ts";
import { withHarness } from "./with-harness.ts";

/** What a user of the tests may do in one project: to all sessions, or to one. */
export interface TestGrant {
  readonly project: string;
  readonly session: string | null;
  readonly verbs: readonly AccessVerb[];
}

/** A user of the tests, by a name of `[a-z]`. */
export interface TestUser {
  readonly name: string;
  readonly grants: readonly TestGrant[];
}

export interface AuthorizerHarness {
  readonly authorizer: Authorizer;
  /** The user's token. */
  token(name: string): string;
  /** What the authorizer calls the user. */
  userName(name: string): string;
  /** Takes everything from the user that it may do. */
  revoke(name: string): Promise<void>;
  dispose(): Promise<void>;
}

export interface AuthorizerContractOptions {
  /** Makes an authorizer that knows exactly these users: called once for each test. */
  readonly create: (users: readonly TestUser[]) => Promise<AuthorizerHarness>;
}

const READER: TestUser = {
  name: "reader",
  grants: [{ project: "red", session: null, verbs: ["get", "list"] }],
};
const WRITER: TestUser = {
  name: "writer",
  grants: [
    { project: "red", session: null, verbs: ["get", "list", "update"] },
    { project: "blue", session: "one", verbs: ["get"] },
  ],
};
const VERBS: readonly AccessVerb[] = ["get", "list", "create", "update", "delete"];

/** Defines the tests that every Authorizer passes which tells callers apart by their tokens. */
export function authorizerContract(name: string, { create }: AuthorizerContractOptions): void {
  const having = (body: (harness: AuthorizerHarness) => Promise<void>) => () =>
    withHarness(() => create([READER, WRITER]), body);
  describe(`Authorizer contract: ${name}`, () => {
    describeIdentify(having);
    describeAllows(having);
  });
}

type Having = (body: (harness: AuthorizerHarness) => Promise<void>) => () => Promise<void>;

function describeIdentify(having: Having): void {
  it(
    "says who calls by the token alone, with an id that is sanitised",
    having(async (harness) => {
      for (const { name } of [READER, WRITER]) {
        const caller = await callerOf(harness, name);
        expect(caller.userName).toBe(harness.userName(name));
        expect(caller.userId).toMatch(/^[A-Za-z0-9._-]{1,253}$/);
        expect(caller.token).toBe(harness.token(name));
      }
    }),
  );

  it(
    "does not believe what is forwarded by anybody",
    having(async (harness) => {
      const forged = { forwardedUser: "admin", forwardedName: "Admin", peer: "192.0.2.1" };
      const claims = { ...claimsOf(harness.token("reader")), ...forged };
      expect((await harness.authorizer.identify(claims)).userName).toBe(harness.userName("reader"));
    }),
  );

  it(
    "refuses no token with token-missing, and what is nobody's with token-invalid",
    having(async ({ authorizer }) => {
      expect(await codeOf(authorizer.identify(claimsOf(null)))).toBe("token-missing");
      for (const token of ["", "nonsense", "two words"])
        expect(await codeOf(authorizer.identify(claimsOf(token)))).toBe("token-invalid");
    }),
  );
}

function describeAllows(having: Having): void {
  it(
    "keeps callers, projects, sessions and verbs apart, also when it remembers",
    having(async (harness) => {
      for (let round = 0; round < 2; round++)
        for (const { name, grants } of [READER, WRITER]) {
          const caller = await callerOf(harness, name);
          for (const access of everyAccess())
            expect(await harness.authorizer.allows(caller, access)).toBe(covers(grants, access));
        }
    }),
  );

  it(
    "sees at once what was taken away when it is asked afresh",
    having(async (harness) => {
      const [reader, writer] = [
        await callerOf(harness, "reader"),
        await callerOf(harness, "writer"),
      ];
      const access: Access = { project: "red", session: "one", verb: "get" };
      expect(await harness.authorizer.allows(writer, access)).toBe(true);
      await harness.revoke("writer");
      expect(await harness.authorizer.allows(writer, access, { fresh: true })).toBe(false);
      expect(await harness.authorizer.allows(writer, access)).toBe(false);
      expect(await harness.authorizer.allows(reader, access, { fresh: true })).toBe(true);
    }),
  );

  it(
    "says token-invalid of a token that is not accepted",
    having(async (harness) => {
      const caller = { ...(await callerOf(harness, "reader")), token: "nonsense" };
      const access: Access = { project: "red", session: null, verb: "list" };
      for (const fresh of [false, true])
        expect(await codeOf(harness.authorizer.allows(caller, access, { fresh }))).toBe(
          "token-invalid",
        );
    }),
  );
}

function callerOf(harness: AuthorizerHarness, name: string): Promise<Caller> {
  return harness.authorizer.identify(claimsOf(harness.token(name)));
}

function claimsOf(token: string | null): CallerClaims {
  return { token, forwardedUser: null, forwardedName: null, peer: null, project: "green" };
}

function everyAccess(): readonly Access[] {
  return ["red", "blue", "green"].flatMap((project) =>
    [null, "one", "two"].flatMap((session) => VERBS.map((verb) => ({ project, session, verb }))),
  );
}

function covers(grants: readonly TestGrant[], { project, session, verb }: Access): boolean {
  return grants.some(
    (grant) =>
      grant.project === project &&
      grant.verbs.includes(verb) &&
      (grant.session === null || grant.session === session),
  );
}
