import { useState } from "preact/hooks";
import { applyTheme, storedTheme, THEMES } from "./theme.ts";

/** Chooses light, dark, or what the browser prefers. */
export function ThemeSwitch() {
  const [theme, setTheme] = useState(storedTheme);
  return (
    <label class="small">
      <span class="quiet">Theme </span>
      <select
        name="theme"
        value={theme}
        onChange={({ currentTarget }) => {
          const chosen = THEMES.find((one) => one === currentTarget.value) ?? "system";
          applyTheme(chosen);
          setTheme(chosen);
        }}
      >
        {THEMES.map((one) => (
          <option key={one} value={one}>
            {one}
          </option>
        ))}
      </select>
    </label>
  );
}
