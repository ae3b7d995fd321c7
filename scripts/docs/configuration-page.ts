import type { SettingGroup } from "../../src/config/setting.ts";
import { ALL_SETTINGS } from "../../src/config/settings.ts";

const GROUPS: readonly SettingGroup[] = [
  "Server",
  "Runners",
  "Storage",
  "Replicas",
  "Access",
  "Cluster",
  "Webhooks",
  "Logs",
  "Telemetry",
  "Limits",
];

const HEAD = `# Configuration

Every setting is a variable of the environment; one that is empty counts as not set. \`runlog --help\` prints the same
list. All problems of a configuration are reported at once, and a \`RUNLOG_*\` name that is not known is one of them.

Times are written as \`500ms\`, \`30s\`, \`10m\`, \`2h\` (at least 100 ms, at most 24 h), sizes as \`512KiB\`, \`64MiB\`, \`1GiB\`. The worker follows
the settings that are marked so, and refuses the others by their name.

<!-- made by \`npm run docs:configuration\` from src/config/settings.ts -->
`;

/** The page of all settings, as Markdown. */
export function configurationPage(): string {
  return `${HEAD}${GROUPS.map(section).join("")}`;
}

function section(group: SettingGroup): string {
  const rows = ALL_SETTINGS.filter((setting) => setting.group === group).map(
    ({ name, meaning, shown, form, entries }) => {
      const fallback = shown === "" ? "" : `\`${shown}\``;
      const wanted = form === "a text" ? "" : form;
      const worker = entries.includes("worker") ? "yes" : "";
      return `| ${[`\`${name}\``, meaning, wanted, fallback, worker].map(cell).join(" | ")} |\n`;
    },
  );
  return `\n## ${group}\n\n| variable | meaning | value | default | worker |\n| --- | --- | --- | --- | --- |\n${rows.join("")}`;
}

/** Markdown in which nothing is taken for a tag or the end of a cell. */
function cell(text: string): string {
  return text.replace(/[|<>]/g, (character) => `\\${character}`);
}
