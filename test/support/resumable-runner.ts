import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { onTestFinished } from "vitest";

/** A run, or the background events of a thread, as the agent behind the runner knows it. */
export interface ResumableRun {
  /** Its answers so far, in the order in which they were asked for. */
  readonly answers: ServerResponse[];
  /** Whether the server has said that it may be forgotten. */
  readonly isAcknowledged: boolean;
  /** Sends an event to whoever listens, and keeps it. */
  say(...events: readonly string[]): void;
  /** Sends some of an event's frame and nothing more of it on the connections that there are now. */
  sayInPart(event: string): void;
  /** Ends the answers: there is no more. */
  end(): void;
}

/** A runner as PROTOCOL 15 has it, which says what its test tells it. Ends with the test. */
export interface ResumableRunner {
  readonly address: string;
  /** What was asked, as `METHOD path last-event-id`. */
  readonly requests: readonly string[];
  /** The run of this id, once it has been posted; the thread's events for `thread:<id>`. */
  run(id: string): ResumableRun | null;
  thread(id: string): ResumableRun;
  /** Resets every connection. */
  reset(): void;
  /**
   * What it does with requests from now on: serve them, refuse them with a status, reset them, or take a posted run
   * and reset the connection before the answer.
   */
  behave(how: Behaviour): void;
  /** Whether its answers say that they can be taken up; they do unless told otherwise. */
  offer(isResumable: boolean): void;
  /** Forgets a run, as a runner does that was started again without its spool. */
  forget(runId: string): void;
}

type Behaviour = "serve" | "reset" | "take" | number;

interface Kept extends ResumableRun {
  readonly frames: string[];
  isEnded: boolean;
  isAcknowledged: boolean;
  /** Numbers its ids; a runner's ids are its own affair. */
  readonly name: string;
}

export async function startResumableRunner(): Promise<ResumableRunner> {
  const kept = new Map<string, Kept>();
  const requests: string[] = [];
  let isOffered = true;
  let how: Behaviour = "serve";

  function make(name: string): Kept {
    const answers: ServerResponse[] = [];
    const frames: string[] = [];
    const run: Kept = {
      name,
      answers,
      frames,
      isEnded: false,
      isAcknowledged: false,
      say(...events) {
        const news = events.map(
          (event, place) => `data: ${event}\nid: ${name}~${frames.length + place + 1}\n\n`,
        );
        frames.push(...news);
        for (const answer of answers) answer.write(news.join(""));
      },
      sayInPart(event) {
        const frame = `data: ${event}\nid: ${name}~${frames.length + 1}\n\n`;
        // the agent has said it all; the wire has not
        frames.push(frame);
        for (const answer of answers) answer.write(frame.slice(0, Math.floor(frame.length / 2)));
        answers.length = 0;
      },
      end() {
        run.isEnded = true;
        for (const answer of answers) answer.end();
      },
    };
    kept.set(name, run);
    return run;
  }

  function follow(run: Kept, response: ServerResponse, after: string | undefined): void {
    const from = after === undefined ? 0 : Number(after.slice(run.name.length + 1));
    const offer = isOffered ? { "X-Runlog-Resume": "1" } : {};
    response.writeHead(200, { "Content-Type": "text/event-stream", ...offer });
    response.flushHeaders();
    if (from < run.frames.length) response.write(run.frames.slice(from).join(""));
    if (run.isEnded) response.end();
    else run.answers.push(response);
    response.on("error", () => {});
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", url = "" } = request;
    const after = request.headers["last-event-id"];
    requests.push([method, url, after ?? ""].join(" ").trim());
    if (how === "reset") return void request.socket.resetAndDestroy();
    if (typeof how === "number") return void response.writeHead(how).end();
    const id = typeof after === "string" ? after : undefined;
    if (method === "POST" && url === "/") {
      let body = "";
      for await (const chunk of request) body += String(chunk);
      const { runId } = JSON.parse(body) as { runId: string };
      const run = make(runId);
      if (how === "take") return void request.socket.resetAndDestroy();
      return follow(run, response, undefined);
    }
    const [, kind, name = ""] = url.split("/").map(decodeURIComponent);
    if (kind === "events") return follow(thread(name), response, id);
    const run = kind === "runs" ? kept.get(name) : undefined;
    if (!run) return void response.writeHead(404).end();
    if (method === "DELETE") {
      run.isAcknowledged = true;
      return void response.writeHead(204).end();
    }
    follow(run, response, id);
  }

  const thread = (id: string): Kept => kept.get(`thread:${id}`) ?? make(`thread:${id}`);
  const server = createServer((request, response) => void serve(request, response));
  const sockets = new Set<IncomingMessage["socket"]>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, "close");
  });
  const at = server.address();
  if (at === null || typeof at === "string") throw new Error("Not a TCP server");

  return {
    address: `http://127.0.0.1:${at.port}/`,
    requests,
    run: (id) => kept.get(id) ?? null,
    thread,
    reset() {
      for (const run of kept.values()) run.answers.length = 0;
      for (const socket of sockets) socket.resetAndDestroy();
    },
    behave(next) {
      how = next;
    },
    offer(next) {
      isOffered = next;
    },
    forget: (runId) => void kept.delete(runId),
  };
}
