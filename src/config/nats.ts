import { type Setting, setting, text } from "./setting.ts";

/** How replicas tell each other that logs have grown. */
export interface NatsConfig {
  /** `nats://<host>:<port>` or `tls://…`, without who connects. */
  readonly servers: readonly string[];
  /** Begins the subjects. */
  readonly subject: string;
  readonly login: NatsLogin;
  /** Null: encrypted only where the server wants it. Files that are null are the system's, or none. */
  readonly tls: NatsTls | null;
}

/** Who connects: secrets are in files. */
export type NatsLogin =
  | { readonly kind: "none" }
  | { readonly kind: "creds"; readonly file: string }
  | { readonly kind: "token"; readonly file: string }
  | { readonly kind: "user"; readonly user: string; readonly passwordFile: string };

interface NatsTls {
  readonly caFile: string | null;
  readonly certFile: string | null;
  readonly keyFile: string | null;
}

export interface NatsSettings {
  readonly natsUrl: Setting<string | null>;
  readonly natsSubject: Setting<string>;
  readonly natsCreds: Setting<string | null>;
  readonly natsTokenFile: Setting<string | null>;
  readonly natsUser: Setting<string | null>;
  readonly natsPasswordFile: Setting<string | null>;
  readonly natsCaFile: Setting<string | null>;
  readonly natsCertFile: Setting<string | null>;
  readonly natsKeyFile: Setting<string | null>;
}

const URL_FORM = "nats://<host>:<port> or tls://<host>:<port>, comma-separated";
const SUBJECT = /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/;
const MAX_SUBJECT = 128;

const file = (name: string, meaning: string): Setting<string | null> =>
  text(name, { shown: "", meaning, form: "a file", group: "Replicas" });

export const NATS_SETTINGS: NatsSettings = {
  natsUrl: text("RUNLOG_NATS_URL", {
    shown: "",
    meaning: "NATS servers by which replicas on one bucket tell each other that logs have grown",
    form: URL_FORM,
    group: "Replicas",
  }),
  natsSubject: setting("RUNLOG_NATS_SUBJECT", "runlog", readSubject, {
    shown: "runlog",
    meaning: "begins the subjects; the replicas of one bucket share it, others have another",
    form: "a subject such as runlog.production",
    group: "Replicas",
  }),
  natsCreds: file("RUNLOG_NATS_CREDS", "credentials file (JWT and seed) for NATS"),
  natsTokenFile: file("RUNLOG_NATS_TOKEN_FILE", "file with a token for NATS"),
  natsUser: text("RUNLOG_NATS_USER", {
    shown: "",
    meaning: "user for NATS, with RUNLOG_NATS_PASSWORD_FILE",
    group: "Replicas",
  }),
  natsPasswordFile: file("RUNLOG_NATS_PASSWORD_FILE", "file with that user's password"),
  natsCaFile: file("RUNLOG_NATS_CA_FILE", "certificates that a NATS server's is checked against"),
  natsCertFile: file("RUNLOG_NATS_CERT_FILE", "certificate shown to NATS"),
  natsKeyFile: file("RUNLOG_NATS_KEY_FILE", "its key"),
};

/**
 * The configuration of NATS, or null without one. `value` reads a setting; what is wrong goes into
 * `problems`, without the text of the URL, which may hold a secret.
 */
export function readNats(
  value: <T>(setting: Setting<T>) => T,
  isShared: boolean,
  problems: string[],
): NatsConfig | null {
  const { natsUrl, natsSubject, natsCreds, natsTokenFile, natsUser, natsPasswordFile } =
    NATS_SETTINGS;
  const subject = value(natsSubject);
  const url = value(natsUrl);
  const [creds, token] = [value(natsCreds), value(natsTokenFile)];
  const [user, passwordFile] = [value(natsUser), value(natsPasswordFile)];
  const files = {
    caFile: value(NATS_SETTINGS.natsCaFile),
    certFile: value(NATS_SETTINGS.natsCertFile),
    keyFile: value(NATS_SETTINGS.natsKeyFile),
  };
  const given = [creds, token, user, passwordFile, ...Object.values(files)];
  if (url === null) {
    if (given.some((each) => each !== null))
      problems.push("RUNLOG_NATS_* is set, and RUNLOG_NATS_URL is not");
    return null;
  }
  if (!isShared)
    problems.push(
      "RUNLOG_NATS_URL needs a STORAGE_URL=s3://<bucket>/<prefix>: other storage has one server",
    );
  if ((user === null) !== (passwordFile === null))
    problems.push("RUNLOG_NATS_USER and RUNLOG_NATS_PASSWORD_FILE belong together");
  if ((files.certFile === null) !== (files.keyFile === null))
    problems.push("RUNLOG_NATS_CERT_FILE and RUNLOG_NATS_KEY_FILE belong together");
  if ([creds, token, user].filter((each) => each !== null).length > 1)
    problems.push(
      "RUNLOG_NATS_CREDS, RUNLOG_NATS_TOKEN_FILE and RUNLOG_NATS_USER exclude each other",
    );
  const servers = readServers(url, problems);
  const isEncrypted = servers.some((server) => server.startsWith("tls:"));
  const hasFiles = Object.values(files).some((each) => each !== null);
  return {
    servers,
    subject,
    login: loginOf(creds, token, user, passwordFile),
    tls: isEncrypted || hasFiles ? files : null,
  };
}

function loginOf(
  creds: string | null,
  token: string | null,
  user: string | null,
  passwordFile: string | null,
): NatsLogin {
  if (creds !== null) return { kind: "creds", file: creds };
  if (token !== null) return { kind: "token", file: token };
  if (user !== null && passwordFile !== null) return { kind: "user", user, passwordFile };
  return { kind: "none" };
}

function readServers(given: string, problems: string[]): readonly string[] {
  const servers = given.split(",").map((server) => server.trim());
  const urls = servers.map((server) => URL.parse(server));
  if (given.includes("@"))
    problems.push(
      "RUNLOG_NATS_URL must not say who connects: set RUNLOG_NATS_CREDS, RUNLOG_NATS_TOKEN_FILE, or RUNLOG_NATS_USER with RUNLOG_NATS_PASSWORD_FILE",
    );
  else if (!urls.every(isServer)) problems.push(`RUNLOG_NATS_URL must be ${URL_FORM}`);
  return servers;
}

function isServer(url: URL | null): boolean {
  if (url === null || !/^(?:nats|tls):$/.test(url.protocol) || url.hostname === "") return false;
  return /^\/?$/.test(url.pathname) && url.search === "" && url.hash === "";
}

function readSubject(given: string): string | null {
  return given.length <= MAX_SUBJECT && SUBJECT.test(given) ? given : null;
}
