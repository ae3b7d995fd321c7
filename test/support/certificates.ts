import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** The files of a certificate and its key, PEM. */
export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/**
 * Makes a key and a certificate in `dir`, for two days, which has signed itself unless `more`, options of
 * `openssl req`, says otherwise.
 */
export async function makeCertificate(
  dir: string,
  name: string,
  ...more: readonly string[]
): Promise<CertificateFiles> {
  const [certFile, keyFile] = [join(dir, `${name}.pem`), join(dir, `${name}.key`)];
  const request = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2".split(" ");
  const files = ["-keyout", keyFile, "-out", certFile];
  await run("openssl", [...request, "-subj", `/CN=${name}`, ...files, ...more]);
  return { certFile, keyFile };
}

/** That a certificate is of this host. */
export function forHost(host: string): readonly string[] {
  const isAddress = /^[\d.]+$/.test(host);
  return ["-addext", `subjectAltName=${isAddress ? "IP" : "DNS"}:${host}`];
}
