import { readFile } from "node:fs/promises";
import { request } from "node:https";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { KubeConfig } from "@kubernetes/client-node";
import { sessionPath, sessionsPath } from "../../adapters/kubernetes/resources.ts";
import { createAdmin } from "../../scripts/cluster/admin.ts";
import { startApiServer } from "../../scripts/cluster/api-server.ts";
import type { Caller } from "../../src/ports/authorizer.ts";
import { waitFor } from "../contract/wait-for.ts";

// What the stand-in of the everyday tests answers is what is recorded here: these tests compare it with
// the real API server, and `vitest -u` records it anew.

const kubeconfig = inject("kubeconfig");
const admin = createAdmin(kubeconfig);
const KEY = { project: "the-project", session: "the-session" };
let stranger: Caller;

interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: unknown;
}

interface Asked {
  readonly method?: string;
  readonly path: string;
  readonly token?: string;
  readonly body?: unknown;
  readonly accept?: string;
  /** Ends a watch after so many lines. */
  readonly lines?: number;
}

async function ask(asked: Asked, path = kubeconfig): Promise<Answer> {
  const config = new KubeConfig();
  config.loadFromFile(path);
  const cluster = config.getCurrentCluster();
  const ca = await readFile(cluster?.caFile ?? "");
  const token = asked.token ?? config.getCurrentUser()?.token;
  return new Promise((resolve, reject) => {
    const sending = request(
      `${cluster?.server}${asked.path}`,
      {
        method: asked.method ?? "GET",
        ca,
        agent: false,
        headers: {
          Authorization: `Bearer ${token}`,
          Accept: asked.accept ?? "application/json",
          "Content-Type": "application/json",
        },
      },
      (answer) => {
        let text = "";
        const finish = (): void => {
          const parts = asked.lines ? text.split("\n").slice(0, asked.lines) : [text];
          const bodies = parts.map((part) => mask(JSON.parse(part)));
          resolve({
            status: answer.statusCode ?? 0,
            contentType: answer.headers["content-type"] ?? "",
            body: asked.lines ? bodies : bodies[0],
          });
          answer.destroy();
        };
        answer.setEncoding("utf8");
        answer.on("data", (piece: string) => {
          text += piece;
          if (asked.lines && text.split("\n").length > asked.lines) finish();
        });
        answer.on("end", finish);
      },
    );
    sending.on("error", reject);
    sending.end(asked.body === undefined ? undefined : JSON.stringify(asked.body));
  });
}

/** The same with everything that differs from run to run made the same. */
function mask(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (name, inner: unknown) => {
      if (name === "uid") return "the-uid";
      if (name === "resourceVersion") return "100";
      if (name === "continue") return "the-position";
      if (name === "token") return "the-token";
      if (name === "message" && typeof inner === "string") return inner.replace(/\(\d+\)/, "(100)");
      if (/(?:Timestamp|time)$/.test(name) && typeof inner === "string")
        return "2026-01-01T00:00:00Z";
      if (name === "managedFields" || name === "extra") return undefined;
      return inner;
    }),
  );
}

function session(metadata: object): object {
  return {
    apiVersion: "vteam.ambient-code/v1alpha1",
    kind: "AgenticSession",
    metadata: { name: KEY.session, namespace: KEY.project, ...metadata },
    spec: { displayName: "A session" },
  };
}

async function record(name: string, answer: Promise<Answer> | Answer): Promise<void> {
  const text = `${JSON.stringify(await answer, null, 2)}\n`;
  await expect(text).toMatchFileSnapshot(`../support/kubernetes/recorded/${name}.json`);
}

beforeAll(async () => {
  await admin.makeProject(KEY.project);
  stranger = await admin.makeAccount(KEY.project, "the-account");
});
afterAll(() => admin.close());

describe("recorded answers are what the real API server says", () => {
  const list = sessionsPath(KEY.project);
  const one = sessionPath(KEY);
  const token = (): { token: string } => ({ token: stranger.token ?? "" });

  it("of sessions", async () => {
    await record("created", ask({ method: "POST", path: list, body: session({}) }));
    await record("already-exists", ask({ method: "POST", path: list, body: session({}) }));
    await record(
      "conflict",
      ask({ method: "PUT", path: one, body: session({ resourceVersion: "1" }) }),
    );
    await record("list", ask({ path: `${list}?limit=500` }));
    const accept =
      "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";
    await record("list-metadata", ask({ path: `${list}?limit=500`, accept }));
    await record("watch", ask({ path: `${list}?watch=true`, lines: 1 }));
    await record("deleted", ask({ method: "DELETE", path: one }));
    await record("not-found", ask({ path: one }));
  });

  it("of what is too large, for the store behind it and for itself", async () => {
    const large = (length: number): object => ({
      ...session({}),
      spec: { initialPrompt: "x".repeat(length) },
    });
    await record(
      "too-large-for-store",
      ask({ method: "POST", path: list, body: large(2_000_000) }),
    );
    await record("too-large", ask({ method: "POST", path: list, body: large(4_000_000) }));
  });

  it("of callers", async () => {
    await record("unauthorized", ask({ path: one, token: "nonsense" }));
    await record("forbidden", ask({ path: one, ...token() }));
    const review = (verb: string): object => ({
      apiVersion: "authorization.k8s.io/v1",
      kind: "SelfSubjectAccessReview",
      spec: {
        resourceAttributes: {
          group: "vteam.ambient-code",
          resource: "agenticsessions",
          namespace: KEY.project,
          verb,
        },
      },
    });
    const path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    await record("access-denied", ask({ method: "POST", path, ...token(), body: review("get") }));
    await admin.allow(KEY.project, stranger, ["list"]);
    await waitFor(async () => {
      const { body } = await ask({ method: "POST", path, ...token(), body: review("list") });
      return (body as { status: { allowed: boolean } }).status.allowed;
    });
    const answer = await ask({ method: "POST", path, ...token(), body: review("list") });
    // the reason names the binding of this run
    await record(
      "access-allowed",
      JSON.parse(JSON.stringify(answer).replace(/test-\d+-/g, "the-")) as Answer,
    );
    const reviewOf = (of: string): object => ({
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenReview",
      spec: { token: of },
    });
    const reviews = "/apis/authentication.k8s.io/v1/tokenreviews";
    const post = { method: "POST", path: reviews };
    await record("token-review", ask({ ...post, body: reviewOf(stranger.token ?? "") }));
    const refused = await ask({ ...post, body: reviewOf("nonsense") });
    await record("token-review-refused", refused);
    await record("discovery-authentication", ask({ path: "/apis/authentication.k8s.io/v1" }));
    await record("discovery-sessions", ask({ path: "/apis/vteam.ambient-code/v1alpha1" }));
  });

  it("of positions that have expired", async () => {
    const own = await startApiServer({ flags: ["--etcd-compaction-interval=1s"] });
    const path = own.kubeconfig;
    try {
      const listed = "/api/v1/namespaces";
      const isExpired = async (asked: Asked): Promise<Answer | null> => {
        // versions grow only when something is written
        await ask(
          { method: "POST", path: listed, body: { metadata: { generateName: "n-" } } },
          path,
        );
        const answer = await ask(asked, path).catch(() => null);
        return answer?.status === 410 ? answer : null;
      };
      const position = await positionIn(listed, path);
      const expired = await waitFor(() =>
        isExpired({ path: `${listed}?limit=1&continue=${position}` }),
      );
      await record("expired", expired);
      // a server that was started anew knows nothing of what came before
      await own.kill();
      await own.restart();
      const watch = { path: `${listed}?watch=true&resourceVersion=1`, lines: 1 };
      await record("watch-expired", ask(watch, path));
    } finally {
      await own.stop();
    }
  });
});

async function positionIn(list: string, path: string): Promise<string> {
  const own = createAdmin(path);
  try {
    const page = await own.ask<{ metadata: { continue: string } }>("GET", `${list}?limit=1`);
    return encodeURIComponent(page.metadata.continue);
  } finally {
    await own.close();
  }
}
