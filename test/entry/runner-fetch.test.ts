import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Agent, fetch as undiciFetch } from "undici";
import { expect, it } from "vitest";
import { createRunnerFetch } from "../../src/entry/runner-fetch.ts";

it("a runner that is silent for longer than a client's body time-out keeps its answer open", async () => {
  const answers: ServerResponse[] = [];
  const server = createServer((_request, response) => {
    response.writeHead(200).write("first");
    answers.push(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;

  // the same client with the time-out that a built-in fetch has, only shorter
  const impatient = await undiciFetch(url, { dispatcher: new Agent({ bodyTimeout: 300 }) });
  const patient = await createRunnerFetch()(url, {});
  const reader = patient.body?.getReader();
  expect(new TextDecoder().decode((await reader?.read())?.value)).toBe("first");
  await expect(impatient.text()).rejects.toThrow("terminated");

  const next = reader?.read();
  for (const answer of answers) if (!answer.destroyed) answer.end("second");
  expect(new TextDecoder().decode((await next)?.value)).toBe("second");
  await new Promise((resolve) => server.close(resolve));
});
