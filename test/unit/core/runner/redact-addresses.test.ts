import { describe, expect, it } from "vitest";
import { hideAddresses } from "../../../../src/core/runner/redact-addresses.ts";

describe("hideAddresses", () => {
  it.each([
    ["http://session-a.p1.svc.cluster.local:8001/x failed", "http://[address]/x failed"],
    ["lookup y.ns.svc: no such host", "lookup [address]: no such host"],
    ["dial tcp 10.1.2.3:443: refused", "dial tcp [address]: refused"],
    ["at [fd00::1]:8001 and [::1]", "at [address] and [address]"],
    ["localhost:9000, LOCALHOST", "[address], [address]"],
    ["metadata.google.internal/x", "[address]/x"],
    ["runner-7:8001 is down, runner-7 too", "[address] is down, runner-7 too"],
  ])("hides the hosts in %j", (text, want) => {
    expect(hideAddresses(text, "http://runner-7:8001/")).toBe(want);
  });

  it.each([
    "No active session for thread X",
    "see https://example.com/localhosts at 12:30:59, version 1.2.3",
    '[{"loc":["body",1],"msg":"value.locale is missing"}]',
    "the runner said: a.b.c [1:x]",
  ])("leaves %j alone", (text) => {
    expect(hideAddresses(text, "http://runner/")).toBe(text);
  });
});
