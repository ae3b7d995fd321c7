/** `system` follows what the browser prefers. */
export type Theme = "system" | "light" | "dark";

export const THEMES: readonly Theme[] = ["system", "light", "dark"];

const KEY = "runlog-theme";

/** What was chosen before, in this browser. */
export function storedTheme(): Theme {
  const stored = read();
  return THEMES.find((theme) => theme === stored) ?? "system";
}

export function applyTheme(theme: Theme): void {
  document.documentElement.dataset["theme"] = theme;
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // it is chosen for this page alone
  }
}

/** A browser may refuse to keep anything. */
function read(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}
