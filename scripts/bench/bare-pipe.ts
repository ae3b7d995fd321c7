// What a replay is measured against: files piped into HTTP responses by Node, nothing else.
import { createReadStream } from "node:fs";
import { createServer } from "node:http";
import { endWithParent, sendToParent } from "./child-script.ts";
import { listenOnLoopback } from "./loopback.ts";

endWithParent();
const { files }: { readonly files: readonly string[] } = JSON.parse(process.argv[2] ?? "");

const server = createServer((request, response) => {
  const file = files[Number(request.url?.slice(1))];
  if (file === undefined) response.writeHead(404).end();
  else createReadStream(file).pipe(response);
});
sendToParent({ port: await listenOnLoopback(server) });
