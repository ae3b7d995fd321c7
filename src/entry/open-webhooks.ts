import type { WebhookConfig } from "../config/webhooks.ts";
import type { OutboxPlace } from "../core/webhooks/outbox.ts";
import { parseSecrets, SECRET_FORM } from "../core/webhooks/signature.ts";
import type { WebhookOptions } from "../core/webhooks/webhooks.ts";
import type { Logger } from "../ports/logger.ts";
import { openRereadFile } from "./reread-file.ts";
import { createRunnerFetch } from "./runner-fetch.ts";

const FILE_SETTING = "RUNLOG_WEBHOOK_SECRET_FILE";

/** Webhooks as they are configured. Throws UsageError where the file of the secret has none. */
export async function openWebhooks(
  { urls, secret }: WebhookConfig,
  outbox: OutboxPlace,
  logger: Logger,
): Promise<WebhookOptions> {
  const secrets =
    secret.kind === "text"
      ? constant(readSecrets(secret.text.reveal()))
      : await openRereadFile(secret.file, {
          setting: FILE_SETTING,
          read: readSecrets,
          onProblem: (error) => logger.error("webhook-secret-not-read", { error }),
        });
  return { urls, outbox, secrets, fetch: createRunnerFetch() };
}

function readSecrets(text: string): readonly Uint8Array<ArrayBuffer>[] {
  const secrets = parseSecrets(text.trim());
  if (!secrets) throw new TypeError(`it must be ${SECRET_FORM}`);
  return secrets;
}

function constant<T>(value: T): () => Promise<T> {
  return async () => value;
}
