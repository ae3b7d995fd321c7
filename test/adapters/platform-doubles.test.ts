import { describe, expect, it } from "vitest";
import {
  createLocalAuthorizer,
  createLocalDirectory,
  createLocalPlatform,
} from "../../adapters/local/index.ts";
import {
  createMemoryAuthorizer,
  createMemoryDirectory,
  createMemoryLogStore,
  createMemoryPlatform,
  type MemoryUser,
} from "../../adapters/memory/index.ts";
import type { Caller, CallerClaims } from "../../src/ports/authorizer.ts";
import {
  authorizerContract,
  sessionDirectoryContract,
  sessionPlatformContract,
} from "../contract/index.ts";

const NOBODY: Caller = { userId: null, userName: null, groups: [], token: null };
const CLAIMS: CallerClaims = {
  token: null,
  forwardedUser: null,
  forwardedName: null,
  peer: null,
  project: "p",
};

sessionDirectoryContract("memory", {
  async create(sessions) {
    const authorizer = { allows: async () => true };
    const directory = createMemoryDirectory({ authorizer, runnerUrl: "http://runner.test/" });
    for (const key of sessions) await directory.create(key, { metadata: {}, spec: {} });
    return { directory, dispose: async () => {} };
  },
});

authorizerContract("memory", {
  async create(users) {
    const table = new Map<string, MemoryUser>();
    for (const { name, grants } of users)
      table.set(`token-of-${name}`, {
        name,
        grants: grants.map(({ project, session, verbs }) => ({
          project,
          verbs,
          ...(session !== null && { session }),
        })),
      });
    return {
      authorizer: createMemoryAuthorizer(table),
      token: (name) => `token-of-${name}`,
      userName: (name) => name,
      revoke: async (name) => void table.set(`token-of-${name}`, { name, grants: [] }),
      dispose: async () => {},
    };
  },
});

sessionPlatformContract("memory", {
  create: async () => ({
    platform: createMemoryPlatform(),
    caller: NOBODY,
    dispose: async () => {},
  }),
});

sessionPlatformContract("local", {
  create: async () => ({
    platform: createLocalPlatform(),
    caller: NOBODY,
    dispose: async () => {},
  }),
});

describe("the local authorizer", () => {
  const authorizer = createLocalAuthorizer();

  it("takes callers for who a front end says they are, whatever token they show", async () => {
    const claims = { ...CLAIMS, token: "any" };
    expect(await authorizer.identify(claims)).toEqual(NOBODY);
    expect(
      await authorizer.identify({ ...claims, forwardedUser: "kube:ada", forwardedName: "Ada" }),
    ).toEqual({ ...NOBODY, userId: "kube-ada", userName: "Ada" });
    expect(await authorizer.identify({ ...claims, forwardedUser: ":" })).toEqual(NOBODY);
  });

  it("lets everybody do everything", async () => {
    for (const verb of ["get", "list", "create", "update", "delete"] as const)
      expect(await authorizer.allows(NOBODY, { project: "p", session: null, verb })).toBe(true);
  });

  it("has a directory that is the same for everybody", () => {
    const store = createMemoryLogStore();
    const directory = createLocalDirectory({ store, runnerUrl: "http://runner.test/" });
    expect(directory.as(NOBODY)).toBe(directory);
    expect(directory.logsMakeSessions).toBe(true);
  });
});
