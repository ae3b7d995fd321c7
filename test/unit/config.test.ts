import { describe, expect, it } from "vitest";
import { isServiceLink } from "../../src/config/service-links.ts";
import { SETTINGS } from "../../src/config/settings.ts";
import { ConfigError, parseConfig } from "../../src/config.ts";

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    parseConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

/** What a pod of the cluster has in its environment. */
const IN_CLUSTER = { RUNLOG_AUTH: "kubernetes", KUBERNETES_SERVICE_HOST: "10.96.0.1" };
const AMAZON = { kind: "s3", endpoint: null, createBucket: false };

/** What a kubelet tells of a Service: `prefix` is its name in capitals, as of Kubernetes' `envvars`. */
function linksOf(prefix: string, host: string, ports: readonly string[]): Record<string, string> {
  const authority = host.includes(":") ? `[${host}]` : host;
  const [first = ""] = ports;
  const links: Record<string, string> = {
    [`${prefix}_SERVICE_HOST`]: host,
    [`${prefix}_SERVICE_PORT`]: first,
    [`${prefix}_SERVICE_PORT_HTTP`]: first,
    [`${prefix}_SERVICE_PORT_GRPC_WEB2`]: first,
    [`${prefix}_PORT`]: `tcp://${authority}:${first}`,
  };
  for (const port of ports)
    for (const protocol of ["tcp", "udp", "sctp"]) {
      const name = `${prefix}_PORT_${port}_${protocol.toUpperCase()}`;
      links[name] = `${protocol}://${authority}:${port}`;
      links[`${name}_PROTO`] = protocol;
      links[`${name}_PORT`] = port;
      links[`${name}_ADDR`] = host;
    }
  return links;
}

describe("parseConfig", () => {
  it.each([
    ["RUNLOG", "10.96.0.7"],
    ["RUNLOG", "fd00:10:96::7"],
    ["RUNLOG_API", "10.96.0.7"],
    ["RUNLOG_MAX", "10.96.0.7"],
    ["RUNLOG_SERVICE", "10.96.0.7"],
    ["RUNLOG_MAX_STREAMS", "2001:db8::1"],
    ["RUNLOG_2", "10.96.0.7"],
    ["RUNLOG_METRICS", "10.96.0.7"],
  ])("passes over what a kubelet sets for a Service named %s at %s", (prefix, host) => {
    const links = linksOf(prefix, host, ["8080", "443"]);
    expect(parseConfig(links)).toEqual(parseConfig({}));
    expect(parseConfig({ ...links, RUNLOG_MAX_STREAMS: "7" }).limits.maxStreams).toBe(7);
  });

  it("takes nothing that a kubelet may set for a setting's value", () => {
    for (const { name, read } of Object.values({ ...SETTINGS }))
      for (const value of ["10.96.0.7", "8080", "tcp://10.96.0.7:8080", "tcp"])
        if (name.startsWith("RUNLOG_") && isServiceLink(name, value))
          expect(read(value), name).toBe(null);
  });

  it.each([
    { RUNLOG_PORT: "8080" },
    { RUNLOG_PORT: "tcp://runlog:8080" },
    { RUNLOG_PORT: "http://10.96.0.7:8080" },
    { RUNLOG_PORT: "tcp://10.96.0.7:80800" },
    { RUNLOG_PORT: "" },
    { RUNLOG_SERVICE_HOST: "runlog.example.com" },
    { RUNLOG_SERVICE_HOST: "10.96.0.0/16" },
    { RUNLOG_SERVICE_PORT: "http" },
    { RUNLOG_SERVICE_PORTS: "8080" },
    { RUNLOG_MAX_STREAM: "8080" },
    { RUNLOG_MAX_STREAMS: "tcp://10.96.0.7:8080" },
    { RUNLOG_PORT_8080_TCP_PROTO: "TCP" },
    { RUNLOG_PORT_8080_TCP_NAME: "tcp" },
    { RUNLOG_PORT_HTTP_TCP: "tcp://10.96.0.7:8080" },
    { RUNLOG_RUNNER_ADDR: "10.96.0.7" },
  ])("refuses %j, which is no such variable", (env) => {
    const [name = ""] = Object.keys(env);
    expect(problemsOf(env)).toEqual([expect.stringMatching(new RegExp(`^${name} `))]);
  });

  it("says the only problem there is in one line", () => {
    expect(() => parseConfig({ HOST: "0.0.0.0" })).toThrow(/^HOST=0\.0\.0\.0 is .*PUBLIC=1[^\n]*$/);
  });

  it("has the addresses of webhooks once each, and shows nowhere what is signed with", () => {
    const secret = `whsec_${btoa("a secret of 24 bytes ...")}`;
    const { webhooks } = parseConfig({
      RUNLOG_WEBHOOK_URL: "https://a.example/x, https://b.example/,https://a.example/x",
      RUNLOG_WEBHOOK_SECRET: secret,
    });
    expect(webhooks?.urls).toEqual(["https://a.example/x", "https://b.example/"]);
    if (webhooks?.secret.kind !== "text") throw new Error("The secret is in a file");
    expect(webhooks.secret.text.reveal()).toBe(secret);
    expect(JSON.stringify(webhooks)).not.toContain(secret);
    expect(String(webhooks.secret.text)).toBe("[redacted]");
  });

  it("serves on loopback, on disk and with the demo runner when nothing is set", () => {
    expect(parseConfig({ PATH: "/bin" })).toEqual({
      host: "127.0.0.1",
      audit: null,
      logLevel: "info",
      port: 8080,
      telemetry: null,
      storage: { kind: "disk", dir: "./data", fsync: "interval" },
      archive: null,
      auth: { kind: "none" },
      ticketKey: null,
      runnerUrl: null,
      agents: [],
      models: null,
      retention: null,
      nats: null,
      tls: null,
      webhooks: null,
      allowPublic: false,
      docs: true,
      copilotKit: true,
      ui: true,
      legacyProject: null,
      diskQuota: null,
      maxEventBytes: 64 * 1024 * 1024,
      maxConnections: 12_000,
      corsOrigins: [],
      hosts: [],
      advertiseUrl: null,
      forwardHeaders: [],
      runnerHeadersMs: 30_000,
      runnerSilenceMs: 30_000,
      limits: {
        pushIdleMs: 300_000,
        reattachMs: 300_000,
        reauthMs: 300_000,
        writeDeadlineMs: 30_000,
        maxStreams: 10_000,
        maxSessionStreams: 2_000,
        replayBytes: 64 * 1024 * 1024,
        runQueue: 8,
        runIdleMs: null,
        runMaxMs: null,
        sessionIdleMs: 600_000,
        drainMs: 10_000,
        stopListenMs: 0,
        ticketMs: 60_000,
        callerRequests: null,
        callerRuns: null,
        callerStreams: null,
      },
    });
  });

  it("takes a secret of tickets that is long enough, and shows none", () => {
    const secret = "0123456789abcdef0123456789abcdef";
    const config = parseConfig({ RUNLOG_TICKET_KEY: secret, RUNLOG_TICKET: "2m" });
    expect(config.ticketKey?.reveal()).toBe(secret);
    expect(config.limits.ticketMs).toBe(120_000);
    expect(JSON.stringify(config)).not.toContain(secret);
    const short = secret.slice(1);
    expect(() => parseConfig({ RUNLOG_TICKET_KEY: short })).toThrow(/RUNLOG_TICKET_KEY must be/);
    expect(() => parseConfig({ RUNLOG_TICKET_KEY: short })).not.toThrow(short);
  });

  it("reads what is set, with its units", () => {
    const config = parseConfig({
      PORT: "0",
      HOST: "0.0.0.0",
      RUNLOG_ALLOW_PUBLIC: "1",
      STORAGE_URL: "file:///var/lib/runlog",
      RUNNER_URL: "http://session-{session}.{project}.svc:8001/",
      RUNLOG_FSYNC: "always",
      RUNLOG_MAX_EVENT_BYTES: "1MiB",
      RUNLOG_WRITE_DEADLINE: "2m",
      RUNLOG_RUNNER_HEADERS: "90s",
      RUNLOG_RUNNER_SILENCE: "20s",
      RUNLOG_LEGACY_PROJECT: "old-team",
    });
    expect(config).toMatchObject({
      port: 0,
      storage: { kind: "disk", dir: "/var/lib/runlog", fsync: "always" },
      maxEventBytes: 1_048_576,
      limits: { writeDeadlineMs: 120_000, stopListenMs: 1_500 },
      runnerHeadersMs: 90_000,
      runnerSilenceMs: 20_000,
      legacyProject: "old-team",
    });
    expect(parseConfig({ STATE_BASE_DIR: "/state" }).storage).toMatchObject({ dir: "/state" });
    expect(parseConfig({ STORAGE_URL: "memory:" }).storage).toEqual({ kind: "memory" });
  });

  it("serves the inspector where nobody is asked who they are, elsewhere when it is told to", () => {
    expect(parseConfig({ RUNLOG_UI: "0" }).ui).toBe(false);
    expect(parseConfig({ ...IN_CLUSTER, RUNLOG_UI: "1" }).ui).toBe(true);
  });

  it("serves a cluster to everybody who has a token of it", () => {
    const config = parseConfig({ ...IN_CLUSTER });
    expect(problemsOf({ ...IN_CLUSTER, RUNLOG_COPILOTKIT: "1" })).toEqual([
      expect.stringMatching(/^RUNLOG_COPILOTKIT=1 and RUNLOG_AUTH=kubernetes exclude each other/),
    ]);
    expect(config).toMatchObject({
      copilotKit: false,
      ui: false,
      host: "0.0.0.0",
      runnerUrl: null,
      auth: {
        kind: "kubernetes",
        list: "cached",
        trustedProxies: [],
        registryPath: "/config/registry/agent-registry.json",
        kubeconfig: null,
        useVertex: false,
      },
    });
    expect(
      parseConfig({
        RUNLOG_AUTH: "kubernetes",
        HOST: "127.0.0.1",
        RUNNER_URL: "http://session-{session}.{project}:{port}/",
        RUNLOG_LIST: "direct",
        RUNLOG_REAUTH: "30s",
        RUNLOG_TRUSTED_PROXIES: "10.0.0.0/8, 192.0.2.1,fd00::/8,::1",
        RUNLOG_MODELS: "m1, m2",
        AGENT_REGISTRY_PATH: "/registry.json",
        KUBECONFIG: "/kubeconfig",
        USE_VERTEX: "true",
      }),
    ).toMatchObject({
      host: "127.0.0.1",
      limits: { reauthMs: 30_000 },
      models: ["m1", "m2"],
      runnerUrl: "http://session-{session}.{project}:{port}/",
      auth: {
        list: "direct",
        trustedProxies: ["10.0.0.0/8", "192.0.2.1", "fd00::/8", "::1"],
        registryPath: "/registry.json",
        kubeconfig: "/kubeconfig",
        useVertex: true,
      },
    });
  });

  it.each([
    { RUNLOG_LIST: "sometimes" },
    { RUNLOG_TRUSTED_PROXIES: "10.0.0.0/33" },
    { RUNLOG_TRUSTED_PROXIES: "10.0.0" },
    { RUNLOG_TRUSTED_PROXIES: "10.0.0.256" },
    { RUNLOG_TRUSTED_PROXIES: "proxy.example.com" },
    { RUNLOG_TRUSTED_PROXIES: "fd00::/129" },
    { RUNLOG_TRUSTED_PROXIES: "10.0.0.1,," },
    { RUNLOG_MODELS: "m1,,m2" },
    { RUNLOG_DEMO: "1" },
    { RUNLOG_REAUTH: "often" },
  ])("refuses %j in a cluster", (env) => {
    const [name = ""] = Object.keys(env);
    const problems = problemsOf({ ...IN_CLUSTER, ...env });
    expect(problems).toEqual([expect.stringMatching(new RegExp(`^${name}\\b`))]);
  });

  it("wants to know which cluster, outside of one", () => {
    expect(problemsOf({ RUNLOG_AUTH: "kubernetes" })).toEqual([
      "RUNLOG_AUTH=kubernetes outside of a cluster needs a KUBECONFIG",
    ]);
  });

  it("knows no port of runners without a cluster", () => {
    expect(problemsOf({ RUNNER_URL: "http://localhost:{port}/" })).toHaveLength(1);
  });
  it.each([
    ["s3://bucket", { ...AMAZON, bucket: "bucket", prefix: "" }],
    ["s3://my.bucket-1/", { ...AMAZON, bucket: "my.bucket-1", prefix: "" }],
    ["s3://bucket/some/prefix/", { ...AMAZON, bucket: "bucket", prefix: "some/prefix/" }],
    ["file:./archive", { kind: "file", dir: "./archive" }],
    ["file:///mnt/archive", { kind: "file", dir: "/mnt/archive" }],
  ])("archives to %s", (url, archive) => {
    expect(parseConfig({ RUNLOG_ARCHIVE_URL: url }).archive).toEqual(archive);
  });

  it.each(["bucket", "s3://", "s3://B", "s3://bucket/a b", "https://host/bucket", "file:"])(
    "archives to no %s",
    (url) => {
      const [problem, ...more] = problemsOf({ RUNLOG_ARCHIVE_URL: url });
      expect(problem).toMatch(/^RUNLOG_ARCHIVE_URL must be s3:/);
      expect(more).toEqual([]);
    },
  );

  it("reads a bucket and a prefix, and the endpoint as the AWS SDK does", () => {
    const storage = (url: string, env: Record<string, string> = {}) =>
      parseConfig({ STORAGE_URL: url, ...env }).storage;
    const amazon = { kind: "s3", bucket: "my-logs", endpoint: null, createBucket: false };
    expect(storage("s3://my-logs")).toEqual({ ...amazon, prefix: "" });
    expect(storage("s3://my-logs/a//b/")).toEqual({ ...amazon, prefix: "a/b/" });
    const env = {
      AWS_ENDPOINT_URL: "http://all:1",
      AWS_ENDPOINT_URL_S3: "http://127.0.0.1:9000/s3",
      RUNLOG_S3_CREATE_BUCKET: "1",
    };
    const local = { endpoint: "http://127.0.0.1:9000/s3", createBucket: true };
    expect(storage("s3://my-logs/a", env)).toMatchObject({ ...local, prefix: "a/" });
    expect(problemsOf({ STORAGE_URL: "s3://Bad_Name/x" })).toHaveLength(1);
    expect(problemsOf({ STORAGE_URL: "s3://my-logs/../x" })).toHaveLength(1);
    expect(problemsOf({ RUNLOG_S3_CREATE_BUCKET: "1" })).toHaveLength(1);
  });

  describe("of NATS", () => {
    const S3 = { STORAGE_URL: "s3://my-logs" };
    const natsOf = (env: Record<string, string>) => parseConfig({ ...S3, ...env }).nats;

    it("is nothing where it is not set", () => {
      expect(parseConfig({}).nats).toBeNull();
      expect(problemsOf({ RUNLOG_NATS_CREDS: "/nats.creds" })).toEqual([
        "RUNLOG_NATS_* is set, and RUNLOG_NATS_URL is not",
      ]);
    });

    it("names servers, a subject, who connects and by which certificates", () => {
      const servers = ["nats://a:4222", "nats://[::1]:4222/"];
      const plain = { servers, subject: "runlog", login: { kind: "none" }, tls: null };
      const url = { RUNLOG_NATS_URL: servers.join(", ") };
      expect(natsOf(url)).toEqual(plain);
      const subject = "my.own_subject-2";
      expect(natsOf({ ...url, RUNLOG_NATS_SUBJECT: subject })).toEqual({ ...plain, subject });
      expect(natsOf({ ...url, RUNLOG_NATS_CREDS: "/c" })?.login).toEqual({
        kind: "creds",
        file: "/c",
      });
      expect(natsOf({ ...url, RUNLOG_NATS_TOKEN_FILE: "/t" })?.login).toEqual({
        kind: "token",
        file: "/t",
      });
      const user = { RUNLOG_NATS_USER: "u", RUNLOG_NATS_PASSWORD_FILE: "/p" };
      const login = { kind: "user", user: "u", passwordFile: "/p" };
      expect(natsOf({ ...url, ...user })?.login).toEqual(login);
      const none = { caFile: null, certFile: null, keyFile: null };
      expect(natsOf({ RUNLOG_NATS_URL: "tls://a" })?.tls).toEqual(none);
      const RUNLOG_NATS_CA_FILE = "/ca.pem";
      expect(natsOf({ ...url, RUNLOG_NATS_CA_FILE })?.tls).toEqual({ ...none, caFile: "/ca.pem" });
    });

    it.each([
      "nats://user:hidden@a:4222",
      "nats://hidden@a:4222",
      "nats://a:4222,tls://user:hidden@b",
      "user:hidden@a:4222",
    ])("refuses who connects in the URL, and does not repeat it", (url) => {
      const [problem = "", ...more] = problemsOf({ ...S3, RUNLOG_NATS_URL: url });
      expect(more).toEqual([]);
      expect(problem).toMatch(/^RUNLOG_NATS_URL must not say who connects: .*RUNLOG_NATS_CREDS/);
      expect(problem).not.toContain("hidden");
    });

    it.each([
      "http://a:4222",
      "ws://a",
      "a:4222",
      "nats://",
      "nats://a/b",
      "nats://a?x=1",
      "nats://a,",
    ])("refuses %s, which is no server", (url) => {
      const problems = problemsOf({ ...S3, RUNLOG_NATS_URL: url });
      expect(problems).toEqual([expect.stringMatching(/^RUNLOG_NATS_URL must be nats:/)]);
    });

    it.each(["", ".", "a..b", "a.*", ">", "a b", "a.", "x".repeat(129)])(
      "refuses the subject %j, or takes an empty one for none",
      (RUNLOG_NATS_SUBJECT) => {
        const env = { ...S3, RUNLOG_NATS_URL: "nats://a", RUNLOG_NATS_SUBJECT };
        expect(problemsOf(env)).toHaveLength(RUNLOG_NATS_SUBJECT === "" ? 0 : 1);
      },
    );

    it("refuses what contradicts itself, or has nobody to hear it", () => {
      const url = { RUNLOG_NATS_URL: "nats://a:4222" };
      for (const env of [
        { RUNLOG_NATS_USER: "u" },
        { RUNLOG_NATS_PASSWORD_FILE: "/p" },
        { RUNLOG_NATS_CERT_FILE: "/c" },
        { RUNLOG_NATS_KEY_FILE: "/k" },
        { RUNLOG_NATS_CREDS: "/c", RUNLOG_NATS_TOKEN_FILE: "/t" },
        { STORAGE_URL: "file:./data" },
        { STORAGE_URL: "memory:" },
      ])
        expect(problemsOf({ ...S3, ...url, ...env })).toHaveLength(1);
    });
  });

  it("reads origins as browsers write them, and no others", () => {
    const RUNLOG_CORS_ORIGINS = "https://a.example, http://localhost:3000";
    expect(parseConfig({ RUNLOG_CORS_ORIGINS }).corsOrigins).toEqual([
      "https://a.example",
      "http://localhost:3000",
    ]);
    for (const origin of ["*", "null", "a.example", "https://a.example/", "https://A.example"])
      expect(problemsOf({ RUNLOG_CORS_ORIGINS: origin })).toHaveLength(1);
  });

  it("reports every problem at once", () => {
    const problems = problemsOf({
      PORT: "eighty",
      STORAGE_URL: "ftp://x",
      RUNLOG_FSYNC: "sometimes",
      RUNLOG_AUTH: "basic",
      RUNLOG_WRITE_DEADLNE: "30s",
      RUNLOG_MAX_EVENT_BYTES: "12 parsecs",
      RUNLOG_LEGACY_PROJECT: "../other",
      HOST: "0.0.0.0",
    });
    for (const name of [
      "PORT",
      "STORAGE_URL",
      "RUNLOG_FSYNC",
      "RUNLOG_AUTH",
      "RUNLOG_WRITE_DEADLNE",
      "RUNLOG_MAX_EVENT_BYTES",
      "RUNLOG_LEGACY_PROJECT",
      "HOST",
    ])
      expect(problems.filter((text) => text.startsWith(name))).toHaveLength(1);
  });

  it("refuses combinations that contradict each other", () => {
    expect(problemsOf({ RUNLOG_DEMO: "1", RUNNER_URL: "http://localhost:8001/" })).toHaveLength(1);
    expect(problemsOf({ RUNLOG_DEMO: "0" })).toHaveLength(1);
    expect(problemsOf({ STATE_BASE_DIR: "/a", STORAGE_URL: "file:/b" })).toHaveLength(1);
    expect(problemsOf({ RUNNER_URL: "http://user:secret@host/" })).toHaveLength(1);
  });

  it.each(["localhost", "a.example, B.example", "192.0.2.7", "::1,[fe80::1]", "my_host"])(
    "takes %j for names of hosts",
    (text) => {
      const hosts = text.split(",").map((name) => name.trim());
      expect(parseConfig({ RUNLOG_HOSTS: text }).hosts).toEqual(hosts);
    },
  );

  it.each(["https://a.example", "a.example:80", "*.example", "a/b", "10.0.0.0/8", "a,,b", "a b"])(
    "takes %j for no names of hosts",
    (text) => {
      expect(problemsOf({ RUNLOG_HOSTS: text })).toEqual([
        `RUNLOG_HOSTS must be names of hosts without ports, not "${text}"`,
      ]);
    },
  );

  it.each([
    ["authorization", ["authorization"]],
    ["Authorization, X-Tenant,traceparent", ["authorization", "x-tenant", "traceparent"]],
  ])("takes %j for headers that go on", (text, names) => {
    expect(parseConfig({ RUNLOG_FORWARD_HEADERS: text }).forwardHeaders).toEqual(names);
  });

  it("takes the address for other servers, where the storage can be shared", () => {
    const STORAGE_URL = "s3://bucket/x";
    for (const text of ["http://10.0.0.7:8080", "http://10.0.0.7:8080/"])
      expect(parseConfig({ STORAGE_URL, RUNLOG_ADVERTISE_URL: text }).advertiseUrl).toBe(
        "http://10.0.0.7:8080",
      );
    for (const text of ["10.0.0.7:8080", "http://a/b", "ftp://a", "http://u:p@a", "http://a?b"])
      expect(problemsOf({ STORAGE_URL, RUNLOG_ADVERTISE_URL: text })).toEqual([
        `RUNLOG_ADVERTISE_URL must be an http(s) URL without a path, not "${text}"`,
      ]);
    expect(problemsOf({ RUNLOG_ADVERTISE_URL: "http://a" })).toEqual([
      "RUNLOG_ADVERTISE_URL needs a STORAGE_URL that servers can share, s3://…",
    ]);
  });

  it.each([
    "host",
    "Content-Type",
    "a b",
    "a:",
    "x-caller-token",
    "X-Runlog-Forwarded",
    "X-Current-User-ID",
    "a,,b",
    "é",
  ])("takes %j for no headers that go on", (text) => {
    expect(problemsOf({ RUNLOG_FORWARD_HEADERS: text })).toEqual([
      `RUNLOG_FORWARD_HEADERS must be names of headers, none of which runlog sets itself, not "${text}"`,
    ]);
  });
});
