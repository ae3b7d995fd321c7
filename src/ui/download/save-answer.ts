/** A file that the user has chosen to write to; not every browser lets pages ask. */
interface SaveTarget {
  createWritable(): Promise<WritableStream<Uint8Array>>;
}

/**
 * Saves the body of an answer as a file. Where the browser lets pages write files it goes there as it comes; else the browser
 * keeps it until it is whole. Resolves with false where the user does not want the file after all. Throws what the answer throws.
 */
export async function saveAnswer(ask: () => Promise<Response>, name: string): Promise<boolean> {
  const target = await chooseTarget(name);
  if (target === "unwanted") return false;
  const response = await ask();
  if (target !== null && response.body) {
    await response.body.pipeTo(await target.createWritable());
    return true;
  }
  const url = URL.createObjectURL(await response.blob());
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // the browser has opened it by then
  setTimeout(() => URL.revokeObjectURL(url), REVOKE_MS);
  return true;
}

const REVOKE_MS = 60_000;

async function chooseTarget(suggestedName: string): Promise<SaveTarget | "unwanted" | null> {
  const picker: unknown = Reflect.get(window, "showSaveFilePicker");
  if (!isPicker(picker)) return null;
  try {
    return await picker.call(window, { suggestedName });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") return "unwanted";
    return null;
  }
}

type Picker = (options: { suggestedName: string }) => Promise<SaveTarget>;

function isPicker(value: unknown): value is Picker {
  return typeof value === "function";
}
