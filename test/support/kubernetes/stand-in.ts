import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createCollections, type StoredObject } from "./collections.ts";
import { recorded, type RecordedAnswer } from "./recorded.ts";

/** A request that reached the stand-in. */
interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly token: string;
  readonly headers: IncomingMessage["headers"];
}

/** What answers instead of the stand-in, or null to let it answer. */
type Fault = (request: SeenRequest) => RecordedAnswer | "hang" | "reset" | null;

/** Something that stands for the API server in the calls that runlog makes, over plain HTTP. */
export interface StandIn {
  readonly kubeconfig: string;
  /** Every request, in order. */
  readonly requests: readonly SeenRequest[];
  /** Tokens and whose they are; "own" is runlog's. */
  readonly users: Map<string, { readonly username: string; readonly groups: readonly string[] }>;
  /** What others than runlog may do. Default: everything. */
  may: (user: string, access: { namespace: string; verb: string; name: string }) => boolean;
  /** Whether it answers SelfSubjectReviews, as API servers from 1.28 on do. */
  hasSelfReview: boolean;
  fault: Fault;
  /** Waited for between the decision on an answer and the answer. */
  delay: () => Promise<void>;
  /** Puts an object there, as somebody else would. */
  put(path: string, object: object): StoredObject;
  remove(path: string): void;
  /** Forgets what came before: older positions and versions are gone. */
  compact(): void;
  /** Breaks all watches off. */
  endWatches(): void;
  readonly watches: number;
  close(): Promise<void>;
}

const OWN_TOKEN = "own";
const SESSIONS =
  /^\/apis\/vteam\.ambient-code\/v1alpha1\/(?:namespaces\/([^/]+)\/)?agenticsessions(?:\/([^/]+))?/;

export async function startStandIn(): Promise<StandIn> {
  const collections = createCollections();
  const requests: SeenRequest[] = [];
  const dir = await mkdtemp(join(tmpdir(), "runlog-stand-in-"));
  const open = new Set<ServerResponse>();

  const server = createServer((incoming, outgoing) => {
    void answer(incoming, outgoing);
  });

  async function answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(incoming.url ?? "/", "http://stand-in.invalid");
    const request: SeenRequest = {
      method: incoming.method ?? "GET",
      path: pathname,
      query: searchParams,
      token: (incoming.headers.authorization ?? "").replace("Bearer ", ""),
      headers: incoming.headers,
    };
    requests.push(request);
    let text = "";
    for await (const piece of incoming) text += String(piece);
    const fault = standIn.fault(request);
    if (fault === "hang") return void open.add(outgoing);
    if (fault === "reset") return void incoming.socket.destroy();
    const body: unknown = text === "" ? null : JSON.parse(text);
    const refusal = fault ?? refuse(request) ?? review(request, body);
    await standIn.delay();
    if (refusal) return send(outgoing, refusal);
    if (request.query.get("watch") === "true") return watch(request, outgoing);
    send(outgoing, collections.answer(request, body));
  }

  function refuse({ token, path, method, query }: SeenRequest): RecordedAnswer | null {
    const user = standIn.users.get(token);
    if (!user) return recorded("unauthorized");
    const [, namespace = "", name = ""] = SESSIONS.exec(path) ?? [];
    const verbs: Readonly<Record<string, string>> = {
      POST: "create",
      PUT: "update",
      DELETE: "delete",
    };
    const verb = verbs[method] ?? (query.get("watch") ? "watch" : name ? "get" : "list");
    const isRuled = token !== OWN_TOKEN && !path.includes("review");
    if (!isRuled || standIn.may(user.username, { namespace, verb, name })) return null;
    return recorded("forbidden", { project: namespace, session: name });
  }

  function review({ path, token }: SeenRequest, body: unknown): RecordedAnswer | null {
    if (path.endsWith("/apis/authentication.k8s.io/v1")) return discovery();
    if (path.endsWith("/apis/vteam.ambient-code/v1alpha1")) return recorded("discovery-sessions");
    const { spec } = (body ?? {}) as { spec?: { token?: string; resourceAttributes?: never } };
    if (path.endsWith("/selfsubjectaccessreviews")) {
      const {
        namespace,
        verb,
        name = "",
      } = spec?.resourceAttributes ?? { namespace: "", verb: "" };
      const user = standIn.users.get(token)?.username ?? "";
      const isAllowed = standIn.may(user, { namespace, verb, name });
      return recorded(isAllowed ? "access-allowed" : "access-denied");
    }
    if (path.endsWith("/tokenreviews"))
      return userAnswer("token-review", "user", standIn.users.get(spec?.token ?? ""));
    if (path.endsWith("/selfsubjectreviews"))
      return userAnswer("token-review", "userInfo", standIn.users.get(token));
    return null;
  }

  function discovery(): RecordedAnswer {
    const { status, body } = recorded("discovery-authentication");
    const { resources, ...rest } = body as { resources: object[] };
    const more = standIn.hasSelfReview ? [{ name: "selfsubjectreviews" }] : [];
    return { status, body: { ...rest, resources: [...resources, ...more] } };
  }

  function watch({ path, query }: SeenRequest, outgoing: ServerResponse): void {
    outgoing.writeHead(200, { "Content-Type": "application/json" }).flushHeaders();
    open.add(outgoing);
    const stop = collections.watch(path, query, (event) => {
      outgoing.write(`${JSON.stringify(event)}\n`);
      if (event.type === "ERROR") outgoing.end();
    });
    outgoing.once("close", () => {
      stop();
      open.delete(outgoing);
    });
  }

  const standIn: StandIn = {
    kubeconfig: join(dir, "kubeconfig"),
    requests,
    users: new Map([[OWN_TOKEN, { username: "runlog", groups: [] }]]),
    may: () => true,
    hasSelfReview: false,
    fault: () => null,
    delay: () => Promise.resolve(),
    put: (path, object) => collections.put(path, object),
    remove: (path) => collections.remove(path),
    compact: () => collections.compact(),
    endWatches() {
      for (const outgoing of open) outgoing.destroy();
    },
    get watches() {
      return open.size;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(dir, { recursive: true });
    },
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  await writeFile(standIn.kubeconfig, kubeconfigOf(port));
  return standIn;
}

function userAnswer(
  name: string,
  field: "user" | "userInfo",
  user: { readonly username: string; readonly groups: readonly string[] } | undefined,
): RecordedAnswer {
  if (!user) return recorded(`${name}-refused`);
  const { status, body } = recorded(name);
  return { status, body: { ...(body as object), status: { authenticated: true, [field]: user } } };
}

function send(outgoing: ServerResponse, { status, body }: RecordedAnswer): void {
  outgoing.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));
}

function kubeconfigOf(port: number): string {
  const cluster = `{ server: "http://127.0.0.1:${port}", insecure-skip-tls-verify: true }`;
  return [
    "apiVersion: v1",
    "kind: Config",
    `clusters: [{ name: c, cluster: ${cluster} }]`,
    `users: [{ name: u, user: { token: "${OWN_TOKEN}" } }]`,
    "contexts: [{ name: x, context: { cluster: c, user: u } }]",
    "current-context: x",
    "",
  ].join("\n");
}
