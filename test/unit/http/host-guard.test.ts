import { Hono } from "hono";
import { describe, expect, it } from "vitest";
import { allowedHosts, hostGuard } from "../../../src/http/host-guard.ts";

const app = new Hono();
app.use("*", hostGuard(allowedHosts("192.0.2.7")));
app.all("/", (c) => c.text("passed"));

async function statusOf(method: string, headers: Record<string, string>): Promise<number> {
  return (await app.request("http://127.0.0.1:8080/", { method, headers })).status;
}

describe("the host guard", () => {
  it.each(["localhost", "LOCALHOST:3000", "127.0.0.1:8080", "[::1]:8080", "192.0.2.7"])(
    "lets the host %s pass",
    async (host) => {
      for (const method of ["GET", "POST"])
        expect(await statusOf(method, { Host: host })).toBe(200);
    },
  );

  it.each(["example.com", "localhost.example.com", "127.0.0.1.nip.io:8080", ""])(
    "refuses the host %j",
    async (host) => {
      for (const method of ["GET", "POST"])
        expect(await statusOf(method, { Host: host })).toBe(403);
    },
  );

  it.each(["http://localhost:3000", "http://127.0.0.1", "http://[::1]:5173", "http://192.0.2.7"])(
    "lets a page of %s change something",
    async (origin) => {
      for (const method of ["GET", "POST", "DELETE"])
        expect(await statusOf(method, { Origin: origin })).toBe(200);
    },
  );

  it.each(["https://example.com", "null", "http://localhost.example.com", "file://"])(
    "lets a page of %s read nothing that the browser shows it, and change nothing",
    async (origin) => {
      for (const method of ["GET", "HEAD"])
        expect(await statusOf(method, { Origin: origin })).toBe(200);
      for (const method of ["POST", "PUT", "PATCH", "DELETE"])
        expect(await statusOf(method, { Origin: origin })).toBe(403);
    },
  );
});
