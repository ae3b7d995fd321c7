import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from "node:http2";
import { Readable } from "node:stream";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { SseReader } from "../contract/read-sse.ts";
import {
  finishedEvent,
  openRunner,
  runBody,
  SessionClient,
  startedEvent,
} from "../contract/session-routes/harness.ts";
import { forHost, makeCertificate } from "../support/certificates.ts";
import type { FakeRunner } from "../support/fake-runner.ts";
import { freshDir, freshRunner } from "../support/server-process.ts";
import { fetchOver } from "../support/tls-fetch.ts";
import { waitFor } from "../support/wait-for.ts";
import { openPage, servePage, startBrowser } from "./support/browser.ts";
import { startNginx } from "./support/nginx.ts";
import { startRunlog } from "./support/runlog.ts";

const HOST = "agents.example.org";
const TABS = 12;
/** More than nginx lets through by itself, or keeps in memory. */
const LARGE_CHARS = 4 * 1_024 * 1_024;

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser([`--host-resolver-rules=MAP ${HOST} 127.0.0.1`]);
});
afterAll(() => browser.close());

interface Behind {
  readonly runner: FakeRunner;
  /** The session, past nginx. */
  readonly session: SessionClient;
  /** Where nginx is, by the name that it serves. */
  readonly origin: string;
}

/** runlog behind nginx; `pages` is the origin of pages that may look. */
async function startBehindNginx(pages = ""): Promise<Behind> {
  const runner = await freshRunner();
  const env = { RUNLOG_HOSTS: HOST, ...(pages === "" ? {} : { RUNLOG_CORS_ORIGINS: pages }) };
  const runlog = await startRunlog({ runnerUrl: runner.address, env });
  const session = new SessionClient({ ...runlog, runner, dispose: async () => {} });
  return { runner, session, origin: `https://${HOST}:${await startNginx(runlog.url, HOST)}` };
}

/** runlog that speaks TLS itself. */
async function startWithTls(pages = ""): Promise<Behind> {
  const runner = await freshRunner();
  const dir = await freshDir();
  const { certFile, keyFile } = await makeCertificate(dir, HOST, ...forHost(HOST));
  const env = {
    RUNLOG_HOSTS: HOST,
    RUNLOG_CORS_ORIGINS: pages,
    RUNLOG_TLS_CERT: certFile,
    RUNLOG_TLS_KEY: keyFile,
  };
  const { url } = await startRunlog({ runnerUrl: runner.address, env });
  const ca = await readFile(certFile, "utf8");
  const fetch = fetchOver(url, { ca, servername: HOST, allowH2: true });
  const session = new SessionClient({ fetch, runner, dispose: async () => {} });
  return { runner, session, origin: `https://${HOST}:${new URL(url).port}` };
}

it.each([
  { where: "behind nginx", start: startBehindNginx },
  { where: "of a server with a certificate", start: startWithTls },
])("twelve tabs of a browser see each event while its run goes on, $where", async ({ start }) => {
  const { origin: pages } = await servePage("event-source.ts");
  const { runner, session, origin } = await start(pages);
  const url = `${pages}/?events=${origin}${session.path}/agui/events`;
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  onTestFinished(() => context.close());
  const tabs = await Promise.all(
    Array.from({ length: TABS }, async () => (await openPage(context, url)).page),
  );
  const exchange = await openRunner({ fetch, runner, dispose: async () => {} }, () =>
    session.run(runBody()),
  );
  const sent = [startedEvent(), ...Array.from({ length: 20 }, (_, at) => custom(at))];
  for (const event of sent) {
    await exchange.write(`data: ${event}\n\n`);
    await waitFor(
      async () => {
        const last = await Promise.all(
          tabs.map((tab) => tab.evaluate(() => window.received["EventSource"]?.at(-1))),
        );
        return last.every((data) => data === event);
      },
      { what: `${event} in ${TABS} tabs` },
    );
  }
  await exchange.write(`data: ${finishedEvent()}\n\n`);
  await exchange.end();
  const lines = await session.settled();
  expect(lines.slice(1)).toEqual([...sent, finishedEvent()]);
});

it("a page posts a large message and reads its run's own stream while it goes on", async () => {
  const { runner, session, origin } = await startBehindNginx();
  const client = connect(`https://127.0.0.1:${new URL(origin).port}`, {
    servername: HOST,
    rejectUnauthorized: false,
  });
  onTestFinished(() => client.destroy());
  const content = "x".repeat(LARGE_CHARS);
  const body = { runId: "r", messages: [{ id: "m", role: "user", content }] };
  const answer: Promise<SseReader>[] = [];
  const exchange = await openRunner({ fetch, runner, dispose: async () => {} }, async () => {
    answer.push(post(client, origin, `${session.path}/agui/run`, JSON.stringify(body)));
  });
  expect(JSON.parse(new TextDecoder().decode(exchange.request.body))).toMatchObject(body);
  // over HTTP/2 this nginx keeps the headers until the first byte of the body
  await exchange.write(`data: ${startedEvent()}\n\n`);
  const [sse] = await Promise.all(answer);
  expect(JSON.parse((await sse?.event())?.data ?? "{}")).toMatchObject({ type: "RUN_STARTED" });
  for (const event of [custom(1), custom(2), finishedEvent()]) {
    await exchange.write(`data: ${event}\n\n`);
    const { type, name } = JSON.parse(event) as { type: string; name?: string };
    const arrived = JSON.parse((await sse?.event())?.data ?? "{}") as Record<string, unknown>;
    expect([arrived["type"], arrived["name"]]).toEqual([type, name]);
  }
  await exchange.end();
  expect(await sse?.event()).toBeNull();
});

/** Posts over HTTP/2 as a page of the site does, and gives the stream of the answer. */
async function post(
  client: ClientHttp2Session,
  origin: string,
  path: string,
  body: string,
): Promise<SseReader> {
  const stream = client.request({
    ":method": "POST",
    ":path": path,
    ":authority": new URL(origin).host,
    origin,
    accept: "text/event-stream",
    "content-type": "application/json",
  });
  stream.end(body);
  const [headers] = (await once(stream, "response")) as [IncomingHttpHeaders];
  expect(headers[":status"]).toBe(200);
  return new SseReader(Readable.toWeb(stream) as ReadableStream<Uint8Array>);
}

const custom = (at: number): string =>
  JSON.stringify({ type: "CUSTOM", name: `n${at}`, value: at });
