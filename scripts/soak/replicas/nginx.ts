import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../bench/loopback.ts";
import { spawnNginx } from "../../nginx/nginx-process.ts";
import { CONNECT_HEADER, UPSTREAM_HEADER } from "../failed-answer.ts";

/** Debian's nginx in front of servers on 127.0.0.1. */
export interface Nginx {
  readonly port: number;
  close(): Promise<void>;
}

/** Starts nginx, which asks the servers at these ports in turn. Resolves when it listens. */
export async function startNginx(upstreams: readonly number[]): Promise<Nginx> {
  const dir = await mkdtemp(join(tmpdir(), "runlog-nginx-"));
  const port = await freePort();
  const file = join(dir, "nginx.conf");
  await writeFile(file, configuration(dir, port, upstreams));
  const end = await spawnNginx(file, port);
  return {
    port,
    async close() {
      await end();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/**
 * A GET goes to another server where one cannot be reached or dies before its answer begins; a POST, which
 * may have been carried out, does not. None is left out because it
 * was away: nginx would take it back when a request to it has ended, which a stream does not.
 */
function configuration(dir: string, port: number, upstreams: readonly number[]): string {
  const servers = upstreams.map((one) => `server 127.0.0.1:${one} max_fails=0;`);
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `${name}_temp_path ${join(dir, name)};`,
  );
  const proxy = `proxy_pass http://replicas;
      add_header ${UPSTREAM_HEADER} $upstream_addr always;
      add_header ${CONNECT_HEADER} $upstream_connect_time always;`;
  return `user root;
pid ${join(dir, "nginx.pid")};
error_log ${join(dir, "error.log")};
events { worker_connections 8192; }
http {
  access_log off;
  ${temporary.join("\n  ")}
  client_max_body_size 16m;
  proxy_http_version 1.1;
  proxy_set_header Host $host;
  proxy_set_header Connection "";
  proxy_buffering off;
  proxy_read_timeout 1h;
  proxy_send_timeout 1h;
  upstream replicas {
    ${servers.join("\n    ")}
  }
  server {
    listen 127.0.0.1:${port};
    location / {
      error_page 418 = @post;
      if ($request_method = POST) { return 418; }
      ${proxy}
    }
    location @post {
      proxy_next_upstream off;
      ${proxy}
    }
  }
}
`;
}
