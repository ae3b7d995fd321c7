import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { createKubernetes, type Kubernetes } from "../../adapters/kubernetes/index.ts";
import { sessionPath } from "../../adapters/kubernetes/resources.ts";
import { systemClock } from "../../src/entry/system-clock.ts";
import type { Caller } from "../../src/ports/authorizer.ts";
import type { Logger } from "../../src/ports/logger.ts";
import type { SessionKey } from "../../src/ports/log-store.ts";
import { sessionPlatformContract } from "../contract/index.ts";
import { recorded } from "../support/kubernetes/recorded.ts";
import { type StandIn, startStandIn } from "../support/kubernetes/stand-in.ts";
import { createManualClock, type ManualClock } from "../support/manual-clock.ts";

const logger: Logger = { info: () => {}, warn: () => {}, error: () => {} };
const JANE: Caller = { userId: "jane", userName: "jane", groups: [], token: "jane-token" };
const KEY: SessionKey = { project: "p", session: "s" };

sessionPlatformContract("kubernetes, on answers recorded from an API server 1.20", {
  async create() {
    const standIn = await startStandIn();
    standIn.users.set("jane-token", { username: "jane", groups: [] });
    const { kubeconfig } = standIn;
    const { platform } = createKubernetes({ clock: systemClock, logger, kubeconfig });
    const dispose = async (): Promise<void> => {
      await platform.close();
      await standIn.close();
    };
    return { platform, caller: JANE, dispose };
  },
});

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

interface Started extends Kubernetes {
  readonly standIn: StandIn;
  readonly clock: ManualClock;
}

async function start(registryPath?: string): Promise<Started> {
  const standIn = await startStandIn();
  const clock = createManualClock();
  const { kubeconfig } = standIn;
  const options = { clock, logger, kubeconfig, ...(registryPath && { registryPath }) };
  const runlog = createKubernetes(options);
  cleanups.push(async () => {
    await runlog.platform.close();
    await standIn.close();
  });
  return { ...runlog, standIn, clock };
}

describe("kubernetes registry", () => {
  it("is read again after a minute; what it said last counts while it cannot be read", async () => {
    const dir = await mkdtemp(join(tmpdir(), "runlog-registry-"));
    cleanups.push(() => rm(dir, { recursive: true }));
    const path = join(dir, "registry.json");
    const { directory, standIn, clock } = await start(path);
    standIn.put(sessionPath(KEY), { spec: { environmentVariables: { RUNNER_TYPE: "mine" } } });
    const port = async (): Promise<string> => new URL(await directory.addressOf(KEY)).port;
    const write = (value: unknown): Promise<void> => writeFile(path, JSON.stringify(value));
    expect(await port()).toBe("8001");
    await write([null, 7, { id: "" }, { id: "mine", container: { port: 9_000 } }]);
    expect(await port()).toBe("8001");
    clock.advance(60_000);
    expect(await port()).toBe("9000");
    for (const broken of ["{", "{}", "null"]) {
      await writeFile(path, broken);
      clock.advance(60_000);
      expect(await port()).toBe("9000");
    }
    for (const odd of [0, -1, 70_000, "9000", null]) {
      await write([{ id: "mine", container: { port: odd } }]);
      clock.advance(60_000);
      expect(await port()).toBe("8001");
    }
  });

  it("is asked for the address only of sessions whose address has a port to fill in", async () => {
    const { standIn } = await start();
    const { kubeconfig } = standIn;
    const runnerUrl = "http://{session}.{project}.example:7000/base";
    const clock = createManualClock();
    const { directory, platform } = createKubernetes({ clock, logger, kubeconfig, runnerUrl });
    expect(await directory.addressOf(KEY)).toBe("http://s.p.example:7000/base/");
    expect(standIn.requests).toEqual([]);
    await platform.close();
  });
});

describe("kubernetes session tokens, on recorded answers", () => {
  it("are remembered for a minute, and a failure is none", async () => {
    const { sessionToken, standIn, clock } = await start();
    const path = "/api/v1/namespaces/p/secrets/ambient-runner-token-s";
    const put = (token: string): unknown =>
      standIn.put(path, { data: { "agui-token": btoa(token) } });
    put("one");
    expect(await sessionToken(KEY, { fresh: false })).toBe("one");
    put("two");
    clock.advance(59_999);
    expect(await sessionToken(KEY, { fresh: false })).toBe("one");
    clock.advance(1);
    expect(await sessionToken(KEY, { fresh: false })).toBe("two");
    standIn.fault = () => recorded("forbidden");
    await expect(sessionToken(KEY, { fresh: true })).rejects.toMatchObject({
      code: "platform-failed",
    });
    standIn.fault = () => null;
    standIn.put(path, { data: { other: btoa("x") } });
    expect(await sessionToken(KEY, { fresh: true })).toBeNull();
  });
});
