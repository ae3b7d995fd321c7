import { execFile, spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePort } from "../bench/loopback.ts";
import { waitFor } from "../../test/contract/wait-for.ts";

const run = promisify(execFile);

export interface ApiServer {
  /** Path of a kubeconfig that may do everything, by a token. */
  readonly kubeconfig: string;
  /** The same, by a client certificate. */
  readonly certificateKubeconfig: string;
  /** As the API server says it. */
  readonly version: string;
  /** Has the API server stand still; resolves when it does. etcd goes on. */
  pause(): Promise<void>;
  /** Has a paused API server go on. */
  resume(): void;
  /** Kills the API server and resolves when it is gone; etcd stays. */
  kill(): Promise<void>;
  /** Starts a killed API server on the same port and etcd; resolves when it is ready. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export interface ApiServerOptions {
  /** Further flags of kube-apiserver. */
  readonly flags?: readonly string[];
}

/**
 * Starts a real kube-apiserver on a real etcd, on loopback, with RBAC and without controllers. The
 * binary is what `scripts/cluster/build-apiserver.sh` has made.
 */
export async function startApiServer({ flags = [] }: ApiServerOptions = {}): Promise<ApiServer> {
  const dir = await mkdtemp(join(tmpdir(), "runlog-cluster-"));
  const token = randomBytes(16).toString("hex");
  await makeKeys(dir);
  await writeFile(join(dir, "tokens.csv"), `${token},admin,admin,system:masters\n`);
  const [port, clientPort, peerPort] = await Promise.all([freePort(), freePort(), freePort()]);
  const etcd = launch(dir, "etcd", "etcd", etcdFlags(dir, clientPort, peerPort));
  const all = [...apiServerFlags(dir, port, clientPort), ...flags];
  let server = launch(dir, "apiserver", binary(), all);
  const ca = await readFile(join(dir, "ca.crt"), "utf8");

  async function ready(): Promise<void> {
    const isReady = async (): Promise<boolean> => {
      if (server.exitCode !== null)
        throw new Error(
          `kube-apiserver has ended:\n${await lastLines(join(dir, "apiserver.log"))}`,
        );
      return (await get(port, "/readyz", ca)) === "ok";
    };
    await waitFor(isReady, { timeoutMs: 120_000, what: "the API server" });
  }

  await ready();
  const { gitVersion } = JSON.parse((await get(port, "/version", ca)) ?? "") as {
    gitVersion: string;
  };
  const user = `user: { token: "${token}" }`;
  const certificate = `user: { client-certificate: ${dir}/admin.crt, client-key: ${dir}/admin.key }`;
  return {
    kubeconfig: await writeKubeconfig(dir, "token", port, user),
    certificateKubeconfig: await writeKubeconfig(dir, "certificate", port, certificate),
    version: gitVersion,
    async pause() {
      server.kill("SIGSTOP");
      // its threads stop one after the other, and answer meanwhile
      await waitFor(() => standsStill(server.pid ?? 0), { what: "the API server to stand still" });
    },
    resume: () => void server.kill("SIGCONT"),
    kill: () => killed(server),
    async restart() {
      server = launch(dir, "apiserver", binary(), all);
      await ready();
    },
    async stop() {
      await killed(server);
      await killed(etcd);
      await rm(dir, { recursive: true });
    },
  };
}

/** Whether every thread of a process is stopped. */
async function standsStill(pid: number): Promise<boolean> {
  const threads = await readdir(`/proc/${pid}/task`);
  const states = await Promise.all(
    threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/status`, "utf8")),
  );
  return states.every((status) => /^State:\tT/m.test(status));
}

function binary(): string {
  const cache = process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache");
  return join(cache, "runlog", "kube-apiserver");
}

function etcdFlags(dir: string, clientPort: number, peerPort: number): readonly string[] {
  const [client, peer] = [clientPort, peerPort].map((port) => `http://127.0.0.1:${port}`);
  return [
    `--data-dir=${dir}/etcd`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
    "--unsafe-no-fsync",
  ];
}

function apiServerFlags(dir: string, port: number, etcdPort: number): readonly string[] {
  return [
    `--etcd-servers=http://127.0.0.1:${etcdPort}`,
    "--bind-address=127.0.0.1",
    "--advertise-address=127.0.0.1",
    `--secure-port=${port}`,
    `--tls-cert-file=${dir}/server.crt`,
    `--tls-private-key-file=${dir}/server.key`,
    `--client-ca-file=${dir}/ca.crt`,
    `--cert-dir=${dir}`,
    `--token-auth-file=${dir}/tokens.csv`,
    "--authorization-mode=RBAC",
    "--service-account-issuer=https://kubernetes.default.svc",
    "--api-audiences=https://kubernetes.default.svc",
    `--service-account-signing-key-file=${dir}/accounts.key`,
    `--service-account-key-file=${dir}/accounts.key`,
    "--service-cluster-ip-range=10.96.0.0/24",
    // nothing makes the service accounts that this would wait for
    "--disable-admission-plugins=ServiceAccount",
    "--endpoint-reconciler-type=none",
  ];
}

async function makeKeys(dir: string): Promise<void> {
  const openssl = (...args: readonly string[]): Promise<unknown> =>
    run("openssl", args, { cwd: dir });
  const newKey = ["-newkey", "rsa:2048", "-nodes", "-keyout"];
  await openssl("req", "-x509", ...newKey, "ca.key", "-out", "ca.crt", "-subj", "/CN=ca");
  const names = "subjectAltName=DNS:localhost,IP:127.0.0.1";
  await writeFile(join(dir, "names"), names);
  for (const [name, subject] of [
    ["server", "/CN=kube-apiserver"],
    ["admin", "/O=system:masters/CN=certificate-admin"],
  ] as const) {
    await openssl("req", ...newKey, `${name}.key`, "-out", `${name}.csr`, "-subj", subject);
    const signed = ["-in", `${name}.csr`, "-out", `${name}.crt`, "-extfile", "names"];
    await openssl(
      "x509",
      "-req",
      ...signed,
      "-CA",
      "ca.crt",
      "-CAkey",
      "ca.key",
      "-CAcreateserial",
    );
  }
  await openssl("genrsa", "-out", "accounts.key", "2048");
}

async function writeKubeconfig(
  dir: string,
  name: string,
  port: number,
  user: string,
): Promise<string> {
  const path = join(dir, `${name}.kubeconfig`);
  const cluster = `{ server: "https://127.0.0.1:${port}", certificate-authority: ${dir}/ca.crt }`;
  const lines = [
    "apiVersion: v1",
    "kind: Config",
    `clusters: [{ name: test, cluster: ${cluster} }]`,
    `users: [{ name: admin, ${user} }]`,
    "contexts: [{ name: test, context: { cluster: test, user: admin } }]",
    "current-context: test",
  ];
  await writeFile(path, `${lines.join("\n")}\n`);
  return path;
}

function launch(dir: string, name: string, command: string, args: readonly string[]): ChildProcess {
  const log = createWriteStream(join(dir, `${name}.log`), { flags: "a" });
  const child = spawn(command, args, { cwd: dir, stdio: ["ignore", "pipe", "pipe"] });
  child.stdout?.pipe(log, { end: false });
  child.stderr?.pipe(log, { end: false });
  child.once("error", (error) => log.write(`${String(error)}\n`));
  return child;
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await gone;
}

async function lastLines(path: string): Promise<string> {
  return (await readFile(path, "utf8")).split("\n").slice(-8).join("\n");
}

/** The body of an answer with status 200, or null. */
function get(port: number, path: string, ca: string): Promise<string | null> {
  return new Promise((resolve) => {
    const asking = request({ host: "127.0.0.1", port, path, ca, agent: false }, (answer) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (piece: string) => (text += piece));
      answer.on("end", () => resolve(answer.statusCode === 200 ? text : null));
      answer.on("error", () => resolve(null));
    });
    asking.on("error", () => resolve(null));
    asking.end();
  });
}
