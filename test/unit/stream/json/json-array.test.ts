import * as fc from "fast-check";
import { expect, it } from "vitest";
import { JsonArrayJoiner } from "../../../../src/stream/json/json-array.ts";

it("JsonArrayJoiner turns lines into the members of one array, however the bytes are cut", () => {
  fc.assert(
    fc.property(
      fc.array(fc.jsonValue(), { minLength: 1, maxLength: 20 }),
      fc.integer({ min: 1, max: 50 }),
      (values, size) => {
        const text = values.map((value) => `${JSON.stringify(value)}\n`).join("");
        const bytes = new TextEncoder().encode(text);
        const joiner = new JsonArrayJoiner(bytes.length);
        const parts: number[] = [];
        for (let at = 0; at < bytes.length; at += size)
          parts.push(...joiner.push(bytes.slice(at, at + size)));
        const joined = new TextDecoder().decode(Uint8Array.from(parts));
        expect(joined).toBe(values.map((value) => JSON.stringify(value)).join(","));
      },
    ),
  );
});
