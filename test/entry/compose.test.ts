import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { parseConfig } from "../../src/config.ts";
import { ALL_SETTINGS } from "../../src/config/settings.ts";
import { type Manifest, parseManifests } from "../support/kustomize.ts";

const DIR = new URL("../../scripts/deploy/compose/", import.meta.url);
/** What whoever starts it has to say. */
const GIVEN: Readonly<Record<string, string>> = {
  RUNLOG_TOKENS: `ann ${"0".repeat(64)} admin *\n`,
  MINIO_ROOT_PASSWORD: "password",
};
/** Read by the AWS SDK, not by runlog. */
const AWS = ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];

/** The text of a value, with variables in the forms `${A:-default}` and `${A:?what to say}`. */
function textOf(value: string): string {
  return value.replaceAll(/\$\{(\w+):(-|\?)([^}]*)\}/g, (_, name, form, rest) => {
    const given = GIVEN[name] ?? (form === "-" ? rest : undefined);
    if (given === undefined) throw new Error(`${name} is not said`);
    return given;
  });
}

async function composed(): Promise<Record<string, Manifest>> {
  const [{ services }] = parseManifests(await readFile(new URL("compose.yaml", DIR), "utf8"));
  return mergedOf(services);
}

/** What `<<` merges, which the parser leaves as it stands. */
function mergedOf(value: Manifest): Manifest {
  if (Array.isArray(value) || typeof value !== "object" || value === null) return value;
  const { "<<": inherited, ...own } = value;
  const members = Object.entries({ ...inherited, ...own });
  return Object.fromEntries(members.map(([name, member]) => [name, mergedOf(member)]));
}

async function servers(): Promise<[name: string, service: Manifest][]> {
  return Object.entries(await composed()).filter(([name]) => name.startsWith("runlog-"));
}

describe("the compose file", () => {
  it("sets variables that there are, and makes of them servers that share a bucket and NATS", async () => {
    const known = new Set([...AWS, ...ALL_SETTINGS.map(({ name }) => name)]);
    const services = await composed();
    expect(await servers()).toHaveLength(3);
    for (const [name, { environment }] of await servers()) {
      expect(Object.keys(environment).filter((each) => !known.has(each))).toEqual([]);
      const texts = Object.entries(environment).map(([key, value]) => [key, textOf(String(value))]);
      // HOST is the image's
      const config = parseConfig({ HOST: "0.0.0.0", ...Object.fromEntries(texts) });
      expect(config).toMatchObject({
        auth: { kind: "token" },
        storage: { kind: "s3", createBucket: true },
        advertiseUrl: `http://${name}:8080`,
      });
      const { storage, nats } = config;
      const endpoint = storage.kind === "s3" ? (storage.endpoint ?? "") : "";
      for (const url of [endpoint, ...(nats?.servers ?? [])])
        expect(Object.keys(services)).toContain(new URL(url).hostname);
    }
  });

  it("starts the image as its Dockerfile has it, with nothing to write to and no right", async () => {
    const dockerfile = await readFile(new URL("../Dockerfile", DIR), "utf8");
    for (const [, service] of await servers()) {
      const { context, dockerfile: path } = service.build;
      expect(await readFile(new URL(`${context}/${path}`, DIR), "utf8")).toBe(dockerfile);
      expect(dockerfile).toContain(`\nUSER ${service.user}\n`);
      expect(service).toMatchObject({
        read_only: true,
        cap_drop: ["ALL"],
        security_opt: ["no-new-privileges:true"],
        mem_limit: "512m",
      });
      const { drainMs } = parseConfig({}).limits;
      expect(Number.parseInt(service.stop_grace_period, 10) * 1000).toBeGreaterThan(drainMs);
      expect(service.ports).toBeUndefined();
    }
  });

  it("has nginx pass requests on to each server, where it publishes its port", async () => {
    const { nginx } = await composed();
    const conf = await readFile(new URL("nginx.conf", DIR), "utf8");
    const upstreams = [...conf.matchAll(/^ {2}server (\S+) max_fails=0;$/gm)].map(([, at]) => at);
    expect(upstreams).toEqual((await servers()).map(([name]) => `${name}:8080`));
    const [, port] = /listen (\d+);/.exec(conf) ?? [];
    expect(nginx.ports).toEqual([`127.0.0.1:8080:${port}`]);
    expect(nginx.volumes).toEqual(["./nginx.conf:/etc/nginx/conf.d/default.conf:ro"]);
  });

  it("does not start without what only an operator can say", async () => {
    const text = await readFile(new URL("compose.yaml", DIR), "utf8");
    const needed = [...text.matchAll(/\$\{(\w+):\?/g)].map(([, name]) => name);
    expect(new Set(needed)).toEqual(new Set(Object.keys(GIVEN)));
  });
});
