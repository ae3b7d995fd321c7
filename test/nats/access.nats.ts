import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { nkeys } from "@nats-io/transport-node";
import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/entry/exit.ts";
import { forHost, makeCertificate } from "../support/certificates.ts";
import { freshDir } from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";
import { freshFeed, freshNats, type OpenedFeed } from "./server.ts";

type KeyPair = ReturnType<typeof nkeys.createUser>;

async function fileOf(name: string, text: string): Promise<string> {
  const path = join(await freshDir(), name);
  await writeFile(path, text);
  return path;
}

/** Expects that the server lets this feed in. */
async function expectHeard(env: Record<string, string>): Promise<void> {
  const { feed, logged } = await freshFeed(env);
  await waitFor(() => feed.hearsOthers, { what: "NATS to let it in" });
  expect(logged).toEqual([]);
}

/** Expects that the server keeps this feed out, for a reason that says none of `secrets`. */
async function expectRefused(
  env: Record<string, string>,
  reason: RegExp,
  secrets: readonly string[] = [],
): Promise<OpenedFeed> {
  const opened = await freshFeed(env);
  const { feed, logged } = opened;
  const [first] = await waitFor(() => logged.length > 0 && logged, { what: "a warning" });
  expect(first?.event).toBe("live-feed-away");
  expect(String(first?.facts?.["error"])).toMatch(reason);
  expect(feed.hearsOthers).toBe(false);
  const { error } = (first?.facts ?? {}) as { error?: Error };
  for (const secret of secrets)
    expect(JSON.stringify([logged, error?.message, error?.stack])).not.toContain(secret);
  return opened;
}

describe("a NATS server that wants", () => {
  it("a token is shown the one in a file, also one that was replaced", async () => {
    const server = await freshNats(`authorization { token: "right-token" }`);
    const env = { RUNLOG_NATS_URL: server.url };
    const right = await fileOf("token", "right-token\n");
    await expectHeard({ ...env, RUNLOG_NATS_TOKEN_FILE: right });
    await expectRefused(env, /Authorization/i);
    const wrong = await fileOf("token", "wrong-token\n");
    const files = { ...env, RUNLOG_NATS_TOKEN_FILE: wrong };
    const { feed } = await expectRefused(files, /Authorization/i, ["wrong-token"]);
    await writeFile(wrong, "right-token\n");
    await waitFor(() => feed.hearsOthers, { what: "the new token to be read" });
  });

  it("a user and a password is shown them", async () => {
    const server = await freshNats(`authorization { user: runlog, password: "right-word" }`);
    const RUNLOG_NATS_PASSWORD_FILE = await fileOf("password", "right-word");
    const env = { RUNLOG_NATS_URL: server.url, RUNLOG_NATS_PASSWORD_FILE };
    await expectHeard({ ...env, RUNLOG_NATS_USER: "runlog" });
    await expectRefused({ ...env, RUNLOG_NATS_USER: "another" }, /Authorization/i, ["right-word"]);
  });

  it("credentials is shown the JWT of a file, and its key's signature", async () => {
    const [operator, account] = [nkeys.createOperator(), nkeys.createAccount()];
    const user = nkeys.createUser();
    const signed = jwt(operator, account, { type: "account", limits: NO_LIMITS });
    const config = `operator: ${jwt(operator, operator, { type: "operator" })}
resolver: MEMORY
resolver_preload: { ${account.getPublicKey()}: ${signed} }`;
    const server = await freshNats(config);
    const env = { RUNLOG_NATS_URL: server.url };
    const creds = (key: KeyPair) =>
      fileOf("user.creds", credentials(jwt(account, user, { type: "user", ...NO_LIMITS }), key));
    await expectHeard({ ...env, RUNLOG_NATS_CREDS: await creds(user) });
    const foreign = nkeys.createUser();
    const seed = new TextDecoder().decode(foreign.getSeed());
    const wrong = await creds(foreign);
    await expectRefused({ ...env, RUNLOG_NATS_CREDS: wrong }, /Authorization/i, [seed]);
    const odd = await fileOf("odd.creds", "no-credentials");
    const oddEnv = { ...env, RUNLOG_NATS_CREDS: odd };
    const { feed } = await expectRefused(oddEnv, /unable to parse/, ["no-credentials"]);
    await writeFile(odd, await readFile(await creds(user), "utf8"));
    await waitFor(() => feed.hearsOthers, { what: "the new credentials to be read" });
  });

  it("TLS is spoken to by TLS, if its certificate is good", async () => {
    const files = await certificates();
    const server = await freshNats(`tls { cert_file: "${files.cert}", key_file: "${files.key}" }`);
    const env = { RUNLOG_NATS_URL: `tls://localhost:${server.port}` };
    await expectHeard({ ...env, RUNLOG_NATS_CA_FILE: files.ca });
    await expectRefused(env, /certificate/i);
    const other = await certificates();
    await expectRefused({ ...env, RUNLOG_NATS_CA_FILE: other.ca }, /certificate/i);
  });

  it("a certificate is shown the one of a file", async () => {
    const { ca, cert, key, clientCert, clientKey } = await certificates();
    const tls = `cert_file: "${cert}", key_file: "${key}", ca_file: "${ca}", verify: true`;
    const server = await freshNats(`tls { ${tls} }`);
    const env = { RUNLOG_NATS_URL: `tls://localhost:${server.port}`, RUNLOG_NATS_CA_FILE: ca };
    const own = { RUNLOG_NATS_CERT_FILE: clientCert, RUNLOG_NATS_KEY_FILE: clientKey };
    await expectHeard({ ...env, ...own });
    await expectRefused(env, /./);
  });

  it("nothing of the kind is not spoken to in plain where the URL says tls", async () => {
    const server = await freshNats();
    await expectRefused({ RUNLOG_NATS_URL: `tls://localhost:${server.port}` }, /tls/i);
  });
});

describe("a NATS server that lets nobody subscribe", () => {
  it("is told of once, and others are then not heard", async () => {
    const server = await freshNats(
      `authorization { users = [{ user: u, password: p, permissions: { subscribe: { deny: ">" } } }] }`,
    );
    const { feed, logged } = await freshFeed({
      RUNLOG_NATS_URL: server.url,
      RUNLOG_NATS_USER: "u",
      RUNLOG_NATS_PASSWORD_FILE: await fileOf("password", "p"),
    });
    await waitFor(() => feed.hearsOthers, { what: "NATS" });
    for (const session of ["a", "b"]) feed.subscribe({ project: "p", session }, () => {});
    await waitFor(() => !feed.hearsOthers, { what: "the refusal" });
    expect(logged.map(({ event }) => event)).toEqual(["live-feed-refused"]);
  });
});

describe("a file of NATS that cannot be read", () => {
  it("ends the start and is named", async () => {
    const url = { RUNLOG_NATS_URL: "nats://127.0.0.1:1" };
    const missing = "/nowhere/secret";
    for (const name of ["CREDS", "TOKEN_FILE", "CA_FILE"])
      await expect(freshFeed({ ...url, [`RUNLOG_NATS_${name}`]: missing })).rejects.toThrow(
        new RegExp(`RUNLOG_NATS.*${missing}`),
      );
    const empty = await fileOf("token", "\n");
    await expect(freshFeed({ ...url, RUNLOG_NATS_TOKEN_FILE: empty })).rejects.toThrow(UsageError);
    await rm(empty);
  });
});

const NO_LIMITS = {
  subs: -1,
  data: -1,
  payload: -1,
  imports: -1,
  exports: -1,
  wildcards: true,
  conn: -1,
  leaf: -1,
};

/** A claim of NATS' own form, signed as the server checks it. */
function jwt(issuer: KeyPair, subject: KeyPair, claim: Record<string, unknown>): string {
  const encode = (value: unknown): string =>
    Buffer.from(JSON.stringify(value)).toString("base64url");
  const [iss, sub] = [issuer.getPublicKey(), subject.getPublicKey()];
  const body = {
    jti: sub,
    iat: 1_700_000_000,
    iss,
    name: "test",
    sub,
    nats: { version: 2, ...claim },
  };
  const text = `${encode({ typ: "JWT", alg: "ed25519-nkey" })}.${encode(body)}`;
  return `${text}.${Buffer.from(issuer.sign(Buffer.from(text))).toString("base64url")}`;
}

function credentials(token: string, key: KeyPair): string {
  const seed = new TextDecoder().decode(key.getSeed());
  return `-----BEGIN NATS USER JWT-----
${token}
------END NATS USER JWT------

-----BEGIN USER NKEY SEED-----
${seed}
------END USER NKEY SEED------
`;
}

interface Certificates {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly clientCert: string;
  readonly clientKey: string;
}

/** An authority of its own, and what it has signed for localhost and for a client. */
async function certificates(): Promise<Certificates> {
  const dir = await freshDir();
  const ca = await makeCertificate(dir, "authority");
  const by = ["-CA", ca.certFile, "-CAkey", ca.keyFile];
  const leaf = ["-addext", "basicConstraints=critical,CA:FALSE"];
  const server = await makeCertificate(dir, "server", ...by, ...leaf, ...forHost("localhost"));
  const extended = ["-addext", "extendedKeyUsage=clientAuth"];
  const client = await makeCertificate(dir, "client", ...by, ...leaf, ...extended);
  return {
    ca: ca.certFile,
    cert: server.certFile,
    key: server.keyFile,
    clientCert: client.certFile,
    clientKey: client.keyFile,
  };
}
