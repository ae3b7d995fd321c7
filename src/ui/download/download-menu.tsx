import { useState } from "preact/hooks";
import type { ExportQuery } from "../../client/index.ts";
import type { SessionApi } from "../api/connection.ts";
import { Failure } from "../components/notice.tsx";
import { saveAnswer } from "./save-answer.ts";

const FORMATS: readonly { query: ExportQuery; label: string; ending: string }[] = [
  { query: { format: "json" }, label: "JSON", ending: "json" },
  { query: { format: "ndjson" }, label: "NDJSON", ending: "ndjson" },
  { query: { format: "markdown" }, label: "Markdown", ending: "md" },
  { query: { format: "json", view: "raw" }, label: "JSON, as stored", ending: "raw.json" },
  { query: { format: "ndjson", view: "raw" }, label: "NDJSON, as stored", ending: "raw.ndjson" },
];

/** Saves the whole history as a file. */
export function DownloadMenu({ session }: { readonly session: SessionApi }) {
  const [said, setSaid] = useState("");
  const [error, setError] = useState<unknown>(null);
  const save = async (query: ExportQuery, ending: string): Promise<void> => {
    setError(null);
    setSaid("Downloading…");
    try {
      const isSaved = await saveAnswer(() => session.export(query), `${session.name}.${ending}`);
      setSaid(isSaved ? "Downloaded" : "");
    } catch (failure) {
      setSaid("");
      setError(failure);
    }
  };
  return (
    <>
      <label class="small">
        <span class="unseen">Download the session</span>
        <select
          value=""
          onChange={({ currentTarget }) => {
            const chosen = FORMATS[Number(currentTarget.value)];
            currentTarget.value = "";
            if (chosen) void save(chosen.query, chosen.ending);
          }}
        >
          <option value="" disabled>
            Download…
          </option>
          {FORMATS.map(({ label }, index) => (
            <option key={label} value={index}>
              {label}
            </option>
          ))}
        </select>
      </label>
      <span class="small quiet" role="status">
        {said}
      </span>
      {error !== null && <Failure what="The download failed" error={error} />}
    </>
  );
}
