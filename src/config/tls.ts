import { type Read, type Setting, text } from "./setting.ts";

/** The files by which a server speaks TLS itself. */
export interface TlsConfig {
  /** PEM: the certificate, then those that it was signed by. */
  readonly certFile: string;
  /** PEM, without a passphrase. */
  readonly keyFile: string;
}

export interface TlsSettings {
  readonly tlsCert: Setting<string | null>;
  readonly tlsKey: Setting<string | null>;
}

export const TLS_SETTINGS: TlsSettings = {
  tlsCert: text("RUNLOG_TLS_CERT", {
    shown: "",
    meaning:
      "serve HTTP/2 and HTTP/1.1 over TLS: file with the certificate and its chain, PEM; read again when it changes",
    form: "a file",
    group: "Server",
  }),
  tlsKey: text("RUNLOG_TLS_KEY", {
    shown: "",
    meaning: "file with the certificate's key, PEM",
    form: "a file",
    group: "Server",
  }),
};

/** The files, or null where a server speaks plain HTTP. */
export function readTls(value: Read, problems: string[]): TlsConfig | null {
  const certFile = value(TLS_SETTINGS.tlsCert);
  const keyFile = value(TLS_SETTINGS.tlsKey);
  if (certFile !== null && keyFile !== null) return { certFile, keyFile };
  if (certFile !== null || keyFile !== null)
    problems.push("RUNLOG_TLS_CERT and RUNLOG_TLS_KEY are needed together");
  return null;
}
