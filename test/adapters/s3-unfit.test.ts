import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { createS3Bucket, type S3Bucket } from "../../adapters/s3/index.ts";
import { codeOf } from "../contract/outcome.ts";

const CREDENTIALS = { accessKeyId: "key", secretAccessKey: "secret" };

/** A bucket on a server that gives every request the same answer. */
async function bucketThat(answer: (response: ServerResponse) => void): Promise<S3Bucket> {
  const server = createServer((request, response) => {
    request.resume().on("end", () => answer(response));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const endpoint = `http://127.0.0.1:${port}`;
  const bucket = createS3Bucket({ bucket: "logs", endpoint, credentials: CREDENTIALS });
  onTestFinished(async () => {
    bucket.close();
    server.closeAllConnections();
    await new Promise<unknown>((resolve) => server.close(resolve));
  });
  return bucket;
}

function listing(...keys: readonly string[]): string {
  const contents = keys.map((key) => `<Contents><Key>${key}</Key><Size>1</Size></Contents>`);
  return `<?xml version="1.0"?><ListBucketResult><IsTruncated>false</IsTruncated>${contents.join("")}</ListBucketResult>`;
}

describe("an S3 store", () => {
  it("that answers a range with the whole object gives no bytes, and not other ones", async () => {
    const bucket = await bucketThat((response) => response.end("0123456789"));
    const range = bucket.get("k", { start: 3, end: 7 });
    await expect(range).rejects.toThrow("The object store ignores Range on GET");
    const whole = await bucket.get("k");
    expect(await new Response(whole?.bytes).text()).toBe("0123456789");
  });

  it.each([
    ["out of order", ["b", "a"], undefined],
    ["from the start again", ["a", "b"], "a"],
  ])("that lists keys %s is not believed", async (_, keys, startAfter) => {
    const bucket = await bucketThat((response) => response.end(listing(...keys)));
    const page = bucket.list({ prefix: "", ...(startAfter !== undefined && { startAfter }) });
    await expect(page).rejects.toThrow("does not list keys in their order");
  });

  it("that answers with a page has no empty listing", async () => {
    const bucket = await bucketThat((response) => response.end("<html>It works</html>"));
    await expect(bucket.list({ prefix: "" })).rejects.toThrow("does not list objects as S3 does");
  });

  it("that does not know conditions says so once, and is not asked on and on", async () => {
    const bucket = await bucketThat((response) => {
      response.writeHead(501, { "Content-Type": "application/xml" });
      response.end("<Error><Code>NotImplemented</Code></Error>");
    });
    expect(await codeOf(bucket.putIfAbsent("k", new Uint8Array(1)))).toBe("store-failed");
  });
});
