import { afterAll, beforeAll, expect, it } from "vitest";
import { finishedEvent, runBody, startedEvent, tell } from "../contract/session-routes/harness.ts";
import { startReplicas } from "../support/replicas.ts";
import { type S3Server, startS3Server } from "../support/s3-server.ts";
import { freshRunner, sessionOf, startServer } from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";
import { SECRET, signatureOf, startReceiver } from "../support/webhook-receiver.ts";

let s3: S3Server;
beforeAll(async () => {
  s3 = await startS3Server();
});
afterAll(() => s3.close());

async function setup(count: number) {
  const [runner, receiver] = [await freshRunner(), await startReceiver()];
  runner.script(({ request, ...exchange }) => {
    const { runId } = JSON.parse(new TextDecoder().decode(request.body)) as { runId: string };
    return tell({ request, ...exchange }, [startedEvent(runId), finishedEvent(runId)]);
  });
  const settings = { RUNLOG_WEBHOOK_URL: receiver.url, RUNLOG_WEBHOOK_SECRET: SECRET };
  const replicas = await startReplicas(s3, runner, count, () => settings);
  return { receiver, replicas, runner, settings };
}

it("of servers that share a bucket one tells of every run once, wherever it ran", async () => {
  const { receiver, replicas } = await setup(3);
  const runs = Array.from({ length: 24 }, (_, at) => `r${at}`);
  await Promise.all(
    runs.map(async (run, at) => {
      const answer = await replicas.session(at, `s${at}`).post("/agui/run", runBody(run));
      expect(answer.status, await answer.text()).toBe(200);
    }),
  );
  await waitFor(() => receiver.received.length >= runs.length);
  // who looks at the outbox looks again meanwhile
  const again = replicas.session(0, "after");
  await again.run(runBody("last"));
  await waitFor(() => receiver.received.some(({ notice }) => notice.data["runId"] === "last"));
  // a receiver knows by the id what it was told before, as when the one that tells was too slow to keep its turn
  const told = new Map(
    receiver.received.map(({ id, notice }) => [id, String(notice.data["runId"])]),
  );
  expect([...told.values()].toSorted()).toEqual([...runs, "last"].toSorted());
  for (const one of receiver.received) expect(one.signature).toBe(signatureOf(one));
});

it("when the one that tells is killed another one does, with what it had not told", async () => {
  const { receiver, replicas, runner, settings } = await setup(1);
  receiver.answer(() => {});
  await replicas.session(0, "a").run(runBody("r1"));
  // the first one tells: it was alone
  await waitFor(() => receiver.received.length === 1);
  const other = await startServer({ env: { ...(await replicas.env()), ...settings } });
  await sessionOf(other, runner, "b").run(runBody("r2"));
  await waitFor(() => receiver.received.length === 2);
  const [before] = receiver.received;
  const [first] = replicas.servers;
  first?.kill("SIGKILL");
  await first?.exited;
  receiver.answer((response) => void response.writeHead(200).end());
  const told = (): Set<unknown> =>
    new Set(receiver.received.slice(2).map(({ notice }) => notice.data["runId"]));
  await waitFor(() => told().size === 2, { what: "both runs, again" });
  expect(receiver.received.map(({ id }) => id)).toContain(before?.id);
  expect(new Set(receiver.received.map(({ id }) => id)).size).toBe(2);
});
