import type { Hono } from "hono";
import type { SessionService } from "../core/service.ts";
import { ACCESS } from "./access.ts";
import { mountRoutes, type Route, type SessionRoutesOptions } from "./mount-routes.ts";
import { STREAM_DOCS } from "./openapi/stream-docs.ts";
import { OWNER } from "./owner-guard.ts";
import { sessionDelete } from "./session-delete.ts";
import { streamGet } from "./stream-get.ts";
import { streamPost } from "./stream-post.ts";
import { streamPut } from "./stream-put.ts";

/** All routes of Durable Streams, below the path of a project's streams. */
export const STREAM_ROUTES: readonly Route[] = [
  ["PUT", "/:sessionName", ACCESS.create, OWNER.any, "create", streamPut, STREAM_DOCS.create],
  ["POST", "/:sessionName", ACCESS.writeAsRunner, OWNER.push, "push", streamPost, STREAM_DOCS.push],
  [
    "DELETE",
    "/:sessionName",
    ACCESS.remove,
    OWNER.log,
    "delete",
    sessionDelete,
    STREAM_DOCS.remove,
  ],
  ["GET", "/:sessionName", ACCESS.read, OWNER.any, "read", streamGet, STREAM_DOCS.read],
  [
    "GET",
    "/:sessionName/runs/:runId",
    ACCESS.read,
    OWNER.any,
    "read",
    streamGet,
    STREAM_DOCS.readRun,
  ],
];

/**
 * The sessions as Durable Streams (PROTOCOL 23), to be mounted as `createSessionRoutes` at a path that holds
 * `:projectName`, as in `/v1/streams/:projectName`, or with a `project` at any other.
 *
 * @example
 * ```ts
 * import { Hono } from "hono";
 * import { createStreamRoutes, type SessionService } from "runlog";
 *
 * export const mount = (service: SessionService): Hono =>
 *   new Hono().route("/v1/streams/:projectName", createStreamRoutes(service));
 * ```
 */
export function createStreamRoutes(
  service: SessionService,
  options: SessionRoutesOptions = {},
): Hono {
  return mountRoutes(service, STREAM_ROUTES, options);
}
