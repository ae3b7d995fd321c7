import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { clientTypes } from "../../../scripts/openapi/client-types.ts";

/** Without what a formatter does to types. */
const plain = (code: string): string => code.replaceAll(/\s+/g, " ").replaceAll(/: \| /g, ": ");

it("the types of runlog/client are what the schemas of the OpenAPI document say", async () => {
  const file = new URL("../../../src/client/api-types.ts", import.meta.url);
  expect(plain(await readFile(file, "utf8"))).toBe(plain(clientTypes()));
});
