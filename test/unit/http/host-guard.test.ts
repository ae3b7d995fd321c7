import { Hono } from "hono";
import { describe, expect, it } from "vitest";
import { hostGuard, hostNames, LOOPBACK, originGuard } from "../../../src/http/host-guard.ts";

const ours = hostNames([...LOOPBACK, "192.0.2.7", "fe80::1", "Runlog.Example"]);
const READS = ["GET", "HEAD", "OPTIONS"];
const WRITES = ["POST", "PUT", "PATCH", "DELETE", "BREW"];

function statusWith(app: Hono) {
  return async (method: string, headers: Record<string, string>): Promise<number> =>
    (await app.request("http://127.0.0.1:8080/", { method, headers })).status;
}

describe("the host guard", () => {
  const app = new Hono();
  app.use("*", hostGuard(ours));
  app.all("/", (c) => c.text("passed"));
  const statusOf = statusWith(app);

  it.each([
    "localhost",
    "LOCALHOST:3000",
    "127.0.0.1:8080",
    "[::1]:8080",
    "[0:0:0:0:0:0:0:1]:8080",
    "[FE80::1]",
    "192.0.2.7",
    "runlog.example:443",
  ])("lets the host %s pass", async (host) => {
    for (const method of ["GET", "POST"]) expect(await statusOf(method, { Host: host })).toBe(200);
  });

  it.each([
    "example.com",
    "localhost.example.com",
    "127.0.0.1.nip.io:8080",
    "evil@localhost",
    "localhost/x",
    "a.runlog.example",
    "",
  ])("refuses the host %j", async (host) => {
    for (const method of ["GET", "POST"]) expect(await statusOf(method, { Host: host })).toBe(403);
  });
});

describe("the origin guard", () => {
  const app = new Hono();
  app.use("*", originGuard({ ours, corsOrigins: ["https://app.example"] }));
  app.all("/", (c) => c.text("passed"));
  const statusOf = statusWith(app);

  it.each<[string, Record<string, string>]>([
    ["nobody who has a browser", {}],
    ["a page of loopback", { Origin: "http://localhost:3000" }],
    [
      "a page of loopback by its address",
      { Origin: "http://[::1]:5173", "Sec-Fetch-Site": "same-site" },
    ],
    ["a page of where it listens", { Origin: "http://192.0.2.7" }],
    ["a page of a name that it has", { Origin: "https://runlog.example", Host: "runlog.svc:8080" }],
    [
      "a page of the host that is asked",
      { Origin: "https://other.example", Host: "other.example" },
    ],
    ["the same, with its port", { Origin: "http://o.example:81", Host: "o.example:81" }],
    [
      "the same, with the port that it has by itself",
      { Origin: "https://o.example", Host: "o.example:443" },
    ],
    [
      "a page that the browser calls its own",
      { Origin: "https://front.example", Host: "back", "Sec-Fetch-Site": "same-origin" },
    ],
    [
      "a page of the host that a proxy was asked for",
      { Origin: "https://o.example", Host: "back:8080", "X-Forwarded-Host": "o.example, inner" },
    ],
    ["the browser's user", { "Sec-Fetch-Site": "none" }],
    ["a page that may call", { Origin: "https://app.example", "Sec-Fetch-Site": "cross-site" }],
  ])("lets %s change something", async (_who, headers) => {
    for (const method of [...READS, ...WRITES]) expect(await statusOf(method, headers)).toBe(200);
  });

  it.each<[string, Record<string, string>]>([
    ["of elsewhere", { Origin: "https://example.com" }],
    ["of elsewhere, with the host's name in it", { Origin: "http://localhost.example.com" }],
    ["of another port of the host", { Origin: "http://o.example:81", Host: "o.example:82" }],
    [
      "of elsewhere, through a proxy",
      { Origin: "https://o.example", Host: "back:8080", "X-Forwarded-Host": "o.example.evil" },
    ],
    ["of another site", { "Sec-Fetch-Site": "cross-site" }],
    [
      "of a sibling",
      { Origin: "https://evil.o.example", Host: "o.example", "Sec-Fetch-Site": "same-site" },
    ],
    ["of a sibling that hides its name", { "Sec-Fetch-Site": "same-site" }],
    ["without an origin", { Origin: "null" }],
    ["of a file", { Origin: "file://" }],
    [
      "that names a page that may call, of another site",
      { Origin: "https://app.example.evil", "Sec-Fetch-Site": "cross-site" },
    ],
    [
      "of elsewhere, which its user opened",
      { Origin: "https://example.com", "Sec-Fetch-Site": "none" },
    ],
    ["of nothing known", { "Sec-Fetch-Site": "new-word" }],
  ])(
    "lets a page %s read what the browser then keeps from it, and change nothing",
    async (_which, headers) => {
      for (const method of READS) expect(await statusOf(method, headers)).toBe(200);
      for (const method of WRITES) expect(await statusOf(method, headers)).toBe(403);
    },
  );
});
