import { once } from "node:events";
import { createServer } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { createMemoryLogStore } from "../../dist/adapters/memory/index.js";
import { createRunlog } from "../../dist/src/entry/embed.js";
import { carryBytes } from "./carried-bytes.ts";

export interface ConformanceServer {
  readonly url: string;
  /** Why requests were refused since this was called last: the `detail` of each problem. */
  takeRefusals(): string[];
  close(): Promise<void>;
}

type Fetch = (request: Request, env: object) => Response | Promise<Response>;

/** The paths of the suite, and those of a project's streams. */
const [SUITE, STREAMS] = ["/v1/stream/", "/v1/streams/suite/"];

/**
 * A whole server in memory, with the streams of one project at the path that the suite asks for. `carries`: bytes of any
 * other content type are carried as JSON, by what stands in front of it.
 */
export async function startConformanceServer({
  carries,
}: {
  readonly carries: boolean;
}): Promise<ConformanceServer> {
  const runlog = await createRunlog({
    storage: createMemoryLogStore(),
    runner: "http://127.0.0.1:9/",
    corsOrigins: ["https://example.com"],
    limits: { longPollMs: 500, drainMs: 0 },
    logger: { info() {}, warn() {}, error() {} },
  });
  const refusals: string[] = [];
  const noted = noteRefusals(atPathOfSuite(runlog.fetch), refusals);
  const answer = getRequestListener(carries ? carryBytes(noted) : noted);
  const server = createServer((request, response) => void answer(request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    takeRefusals: () => refusals.splice(0),
    async close() {
      await runlog.close();
      server.closeAllConnections();
      server.close();
    },
  };
}

/** As a proxy that has the streams at another path: also in the `Location` of what it passes on. */
function atPathOfSuite(fetchIt: Fetch): Fetch {
  return async (request, env) => {
    const url = request.url.replace(SUITE, STREAMS);
    const response = await fetchIt(new Request(url, request), env);
    const location = response.headers.get("Location");
    if (location !== null) response.headers.set("Location", location.replace(STREAMS, SUITE));
    return response;
  };
}

function noteRefusals(fetchIt: Fetch, refusals: string[]): Fetch {
  return async (request, env) => {
    const response = await fetchIt(request, env);
    if (response.headers.get("Content-Type")?.includes("problem")) {
      const text = await response.clone().text();
      // that of HEAD has no body
      if (text !== "") refusals.push((JSON.parse(text) as { detail: string }).detail);
    }
    return response;
  };
}
