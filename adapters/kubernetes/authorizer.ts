import type { Authorizer } from "../../src/ports/authorizer.ts";
import { hasCode } from "../../src/ports/errors.ts";
import { createAnswerCache } from "./answer-cache.ts";
import { accountOf } from "./api.ts";
import { createIdentity, type IdentityOptions, reviewFailed } from "./identity.ts";
import { SESSION_GROUP, SESSION_RESOURCE } from "./resources.ts";
import { digestOf } from "./token-digest.ts";

const ALLOWED_MS = 30_000;
const DENIED_MS = 5_000;
const REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";

/** An Authorizer that asks the API server, with the caller's own token, about its rules. */
export function createKubernetesAuthorizer(options: IdentityOptions): Authorizer {
  const { api, clock } = options;
  const answers = createAnswerCache<boolean>({
    clock,
    keepMs: (isAllowed) => (isAllowed ? ALLOWED_MS : DENIED_MS),
  });

  const identity = createIdentity(options);

  return {
    identify: (claims) => identity.identify(claims),

    async allows(caller, { project, session, verb }, { fresh = false, signal } = {}) {
      signal?.throwIfAborted();
      const account = accountOf(caller);
      const id = JSON.stringify([digestOf(caller.token ?? ""), project, verb, session]);
      const review = async (): Promise<boolean> => {
        const attributes = {
          group: SESSION_GROUP,
          resource: SESSION_RESOURCE,
          namespace: project,
          verb,
          ...(session !== null && { name: session }),
        };
        const body = {
          apiVersion: "authorization.k8s.io/v1",
          kind: "SelfSubjectAccessReview",
          spec: { resourceAttributes: attributes },
        };
        const request = { account, method: "POST", path: REVIEWS, body } as const;
        const { status } = await api.json<{ status?: { allowed?: boolean } }>(request);
        return status?.allowed === true;
      };
      try {
        return await answers.get(id, review, { isFresh: fresh });
      } catch (error) {
        if (hasCode(error, "token-invalid")) throw error;
        throw reviewFailed(error);
      } finally {
        // the question goes on for others who want the same; this one does not wait for nothing
        signal?.throwIfAborted();
      }
    },
  };
}
