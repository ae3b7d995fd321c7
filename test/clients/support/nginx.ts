import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { onTestFinished } from "vitest";
import { freePort } from "../../../scripts/bench/loopback.ts";
import { spawnNginx } from "../../../scripts/nginx/nginx-process.ts";
import { freshDir } from "../../support/server-process.ts";

const run = promisify(execFile);

/** What the README tells everybody to put into the site. */
async function locationOfReadme(upstream: string): Promise<string> {
  const readme = await readFile(new URL("../../../README.md", import.meta.url), "utf8");
  const block = /```nginx\n(.*?)```/s.exec(readme)?.[1] ?? "";
  return replaced(block, "http://127.0.0.1:8080", upstream);
}

/** As `replaceAll`, but it throws where there is nothing to replace. */
function replaced(text: string, part: string | RegExp, by: string): string {
  const result = text.replace(part, by);
  if (result === text) throw new Error(`there is no ${part} in:\n${text}`);
  return result;
}

/**
 * Starts Debian's nginx as Debian configures it, with one site, HTTP/2 and a certificate of its own, and
 * the README's lines in front of `upstream`. It goes with the test. Resolves with its port.
 */
export async function startNginx(upstream: string, host: string): Promise<number> {
  const dir = await freshDir();
  const port = await freePort();
  const [key, certificate] = [join(dir, "key.pem"), join(dir, "certificate.pem")];
  const request = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=${host}`;
  const files = ["-keyout", key, "-out", certificate];
  await run("openssl", [...request.split(" "), "-addext", `subjectAltName=DNS:${host}`, ...files]);
  const site = `server {
  listen 127.0.0.1:${port} ssl http2;
  server_name ${host};
  ssl_certificate ${certificate};
  ssl_certificate_key ${key};
  ${await locationOfReadme(upstream)}
}`;
  let config = await readFile("/etc/nginx/nginx.conf", "utf8");
  config = replaced(config, "/run/nginx.pid", join(dir, "nginx.pid"));
  config = replaced(config, "/var/log/nginx/error.log", join(dir, "error.log"));
  config = replaced(config, "/var/log/nginx/access.log", join(dir, "access.log"));
  config = replaced(config, "include /etc/nginx/sites-enabled/*;", site);
  const file = join(dir, "nginx.conf");
  await writeFile(file, config);

  onTestFinished(await spawnNginx(file, port));
  return port;
}
