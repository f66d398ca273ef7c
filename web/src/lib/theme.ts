import { useSyncExternalStore } from "react";
import { readStored, writeStored } from "./storage";

export type Theme = "light" | "dark";

const key = "playhouse.theme";
const systemDark = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();
let chosen: Theme | null = readStored<Theme>(key);

/** Called once before the first paint, so that a chosen theme does not flash. */
export function applyTheme(): void {
  if (chosen) document.documentElement.dataset.theme = chosen;
  else delete document.documentElement.dataset.theme;
}

function current(): Theme {
  return chosen ?? (systemDark.matches ? "dark" : "light");
}

function choose(theme: Theme): void {
  // Choosing what the system says anyway means: follow the system again.
  chosen = theme === (systemDark.matches ? "dark" : "light") ? null : theme;
  writeStored(key, chosen);
  applyTheme();
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  systemDark.addEventListener("change", listener);
  return () => {
    listeners.delete(listener);
    systemDark.removeEventListener("change", listener);
  };
}

export function useTheme(): { theme: Theme; toggle: () => void } {
  const theme = useSyncExternalStore(subscribe, current);
  return { theme, toggle: () => choose(theme === "dark" ? "light" : "dark") };
}
