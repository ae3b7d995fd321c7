import { parseSecrets, SECRET_FORM } from "../core/webhooks/signature.ts";
import { Secret } from "./secret.ts";
import { type Setting, text } from "./setting.ts";
import { readUrl } from "./values.ts";

/** Who is told what becomes of runs. */
export interface WebhookConfig {
  readonly urls: readonly string[];
  /** What is signed with: the secrets themselves, comma-separated, or the file that has them. */
  readonly secret:
    | { readonly kind: "text"; readonly text: Secret }
    | { readonly kind: "file"; readonly file: string };
}

export interface WebhookSettings {
  readonly webhookUrl: Setting<string | null>;
  readonly webhookSecret: Setting<string | null>;
  readonly webhookSecretFile: Setting<string | null>;
}

/** Most addresses that each notice is sent to. */
const MAX_URLS = 8;
const URL_FORM = `http(s) URLs without a user, comma-separated, ${MAX_URLS} at most`;

export const WEBHOOK_SETTINGS: WebhookSettings = {
  webhookUrl: text("RUNLOG_WEBHOOK_URL", {
    shown: "",
    meaning: "addresses that are told when runs finish, fail, are cancelled or wait for input",
    form: URL_FORM,
    group: "Webhooks",
  }),
  webhookSecret: text("RUNLOG_WEBHOOK_SECRET", {
    shown: "",
    meaning: "what their requests are signed with; several, comma-separated, while it is changed",
    form: SECRET_FORM,
    group: "Webhooks",
  }),
  webhookSecretFile: text("RUNLOG_WEBHOOK_SECRET_FILE", {
    shown: "",
    meaning: "the same in a file, which is read again when it changes",
    form: "a file",
    group: "Webhooks",
  }),
};

/**
 * The configuration of webhooks, or null without one. `value` reads a setting; what is wrong goes into
 * `problems`, without the texts, which are or may hold secrets.
 */
export function readWebhooks(
  value: <T>(setting: Setting<T>) => T,
  problems: string[],
): WebhookConfig | null {
  const url = value(WEBHOOK_SETTINGS.webhookUrl);
  const secret = value(WEBHOOK_SETTINGS.webhookSecret);
  const file = value(WEBHOOK_SETTINGS.webhookSecretFile);
  if (url === null) {
    if (secret !== null || file !== null)
      problems.push("RUNLOG_WEBHOOK_SECRET is set, and RUNLOG_WEBHOOK_URL is not");
    return null;
  }
  const urls = readWebhookUrls(url.split(","));
  if (!urls) problems.push(`RUNLOG_WEBHOOK_URL must be ${URL_FORM}`);
  if (secret !== null && file !== null)
    problems.push("RUNLOG_WEBHOOK_SECRET and RUNLOG_WEBHOOK_SECRET_FILE exclude each other");
  if (secret === null && file === null)
    problems.push("RUNLOG_WEBHOOK_URL needs RUNLOG_WEBHOOK_SECRET or RUNLOG_WEBHOOK_SECRET_FILE");
  if (secret !== null && !parseSecrets(secret))
    problems.push(`RUNLOG_WEBHOOK_SECRET must be ${SECRET_FORM}`);
  return {
    urls: urls ?? [],
    secret:
      file === null ? { kind: "text", text: new Secret(secret ?? "") } : { kind: "file", file },
  };
}

/** The addresses, each once, or null if one cannot be or there are too many or none. */
export function readWebhookUrls(texts: readonly string[]): readonly string[] | null {
  const urls = [...new Set(texts.map((each) => each.trim()))];
  const areUrls = urls.every((url) => readUrl(url) !== null && URL.parse(url)?.password === "");
  return areUrls && urls.length >= 1 && urls.length <= MAX_URLS ? urls : null;
}
