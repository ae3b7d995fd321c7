import { createServer, request as forward } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { BUCKET, startS3Server } from "../support/s3-server.ts";
import { runCli } from "../support/server-process.ts";

it("a server on a store that ignores If-None-Match ends its start, with where that is and what is needed", async () => {
  const s3 = await startS3Server();
  const admin = s3.bucket();
  const path = new URL(s3.endpoint).pathname;
  // the header is signed: a store that ignores it answers as one where nothing was
  const proxy = createServer((request, response) => {
    const { method = "GET", url = "/", headers } = request;
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => void pass());
    const pass = async (): Promise<void> => {
      const key = decodeURIComponent(new URL(url, s3.endpoint).pathname.slice(path.length));
      if (method === "PUT" && headers["if-none-match"] !== undefined)
        await admin.delete([key.slice(BUCKET.length + 2)]);
      const { hostname, port } = new URL(s3.endpoint);
      forward({ hostname, port, method, path: url, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      }).end(Buffer.concat(chunks));
    };
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    proxy.closeAllConnections();
    proxy.close();
    await s3.close();
  });
  const endpoint = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}${path}`;
  const { accessKeyId, secretAccessKey } = s3.credentials;
  const exit = await runCli({
    env: {
      STORAGE_URL: `s3://${BUCKET}/logs`,
      AWS_ENDPOINT_URL_S3: endpoint,
      AWS_REGION: "us-east-1",
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
    },
  });
  expect(exit.code).toBe(1);
  expect(exit.stdout).toBe("");
  expect(exit.stderr).toContain("The object store ignores If-None-Match on PUT");
  expect(exit.stderr).toContain(`bucket ${BUCKET} at ${endpoint}`);
  expect(exit.stderr).toContain("STORAGE_URL needs a store that knows If-None-Match");
});
