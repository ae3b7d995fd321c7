import { readFile } from "node:fs/promises";
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { parseSecrets, sign } from "../../../../src/core/webhooks/signature.ts";
import { signatureOf } from "../../../support/webhook-receiver.ts";

it("signs the example of Standard Webhooks as it is published", async () => {
  const secrets = parseSecrets("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
  const message = {
    id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
    timestamp: 1_614_265_330,
    body: '{"test": 2432232314}',
  };
  expect(await sign(message, secrets ?? [])).toBe(
    "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
  );
});

it("signs PROTOCOL's example as it stands there", async () => {
  const protocol = await readFile(new URL("../../../../PROTOCOL.md", import.meta.url), "utf8");
  const [, id = "", timestamp = "", signature = "", body = ""] =
    /^webhook-id: (.+)\nwebhook-timestamp: (.+)\nwebhook-signature: (.+)\n\n(.+)$/m.exec(
      protocol,
    ) ?? [];
  const [secret = ""] =
    /whsec_[A-Za-z0-9]+/.exec(protocol.slice(protocol.indexOf("\n21.2 "))) ?? [];
  const message = { id, timestamp: Number(timestamp), body };
  expect(await sign(message, parseSecrets(secret) ?? [])).toBe(signature);
});

it("signs any text as another implementation does, once with each secret", async () => {
  const secret = fc.uint8Array({ minLength: 24, maxLength: 64 });
  await fc.assert(
    fc.asyncProperty(
      fc.array(secret, { minLength: 1, maxLength: 3 }),
      fc.string({ unit: "binary" }),
      async (keys, body) => {
        const texts = keys.map((key) => `whsec_${Buffer.from(key).toString("base64")}`);
        const secrets = parseSecrets(texts.join(", ")) ?? [];
        const message = { id: "run_a_1", timestamp: 1_700_000_000, body };
        const received = { ...message, timestamp: "1700000000" };
        const other = texts.map((text) =>
          signatureOf(received as Parameters<typeof signatureOf>[0], text),
        );
        expect(await sign(message, secrets)).toBe(other.join(" "));
      },
    ),
    { numRuns: 50 },
  );
});

it.each([
  ["nothing", ""],
  ["no prefix", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
  ["too few bytes", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa=="],
  ["too many bytes", `whsec_${Buffer.alloc(65).toString("base64")}`],
  ["no base64", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS!"],
  ["one of two that is none", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw,"],
])("takes no secret of %s", (_, text) => {
  expect(parseSecrets(text)).toBeNull();
});
