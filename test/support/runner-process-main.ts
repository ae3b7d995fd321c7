// A runner that answers every run with the events it was started with, then ends or falls silent.
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { RunnerScript } from "./runner-process.ts";

const { port, events, ends } = JSON.parse(process.argv[2] ?? "") as Required<RunnerScript>;

function answer(response: ServerResponse): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.flushHeaders();
  for (const event of events) response.write(`data: ${event}\n\n`);
  if (ends) response.end();
  process.stdout.write("answered\n");
}

const server = createServer((request, response) => {
  if (request.method === "POST") request.resume().once("end", () => answer(response));
  else response.writeHead(404).end();
});
server.listen(port, "127.0.0.1");
await once(server, "listening");
const address = server.address();
if (typeof address === "object" && address) process.stdout.write(`${address.port}\n`);
