import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { freePort } from "../../../scripts/bench/loopback.ts";
import { spawnNginx } from "../../../scripts/nginx/nginx-process.ts";
import { forHost, makeCertificate } from "../../support/certificates.ts";
import { blocksOf, replaced } from "../../support/page-blocks.ts";
import { freshDir } from "../../support/server-process.ts";

/** What the README tells everybody to put into the site. */
async function locationOfReadme(upstream: string): Promise<string> {
  const [block = ""] = await blocksOf("README.md", "nginx");
  return replaced(block, "http://127.0.0.1:8080", upstream);
}

/** Puts the README's lines in front of `upstream`, as `serveSite`. */
export function startNginx(upstream: string, host: string): Promise<number> {
  return serveSite(host, async ({ certificate, key, port }) => {
    return `server {
  listen 127.0.0.1:${port} ssl http2;
  server_name ${host};
  ssl_certificate ${certificate};
  ssl_certificate_key ${key};
  ${await locationOfReadme(upstream)}
}`;
  });
}

/** Serves the site of the guide in front of `upstream`, as `serveSite`. */
export function startGuidesNginx(upstream: string, host: string): Promise<number> {
  return serveSite(host, async ({ certificate, key, port }) => {
    const [block = ""] = await blocksOf("docs/guides/nginx.md", "nginx");
    const changes = [
      ["http://127.0.0.1:8080", upstream],
      ["listen 443", `listen 127.0.0.1:${port}`],
      ["agents.example.org", host],
      ["/etc/nginx/agents.pem", certificate],
      ["/etc/nginx/agents.key", key],
    ] as const;
    return changes.reduce((text, [part, by]) => replaced(text, part, by), block);
  });
}

interface Site {
  readonly port: number;
  /** Files. */
  readonly certificate: string;
  readonly key: string;
}

/**
 * Starts Debian's nginx as Debian configures it, with one site and a certificate of its own. It goes with the test.
 * Resolves with its port.
 */
async function serveSite(host: string, siteOf: (site: Site) => Promise<string>): Promise<number> {
  const dir = await freshDir();
  const port = await freePort();
  const made = await makeCertificate(dir, host, ...forHost(host));
  const { certFile: certificate, keyFile: key } = made;
  const site = await siteOf({ port, certificate, key });
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
