import { useEffect } from "react";
import { useLatest } from "../lib/useLatest";
import { findShortcut, type ShortcutTarget } from "./shortcuts";

/** Listens on the whole page, but leaves typing, other controls and browser shortcuts alone. */
export function useShortcuts(target: ShortcutTarget | null): void {
  const latest = useLatest(target);
  useEffect(() => {
    function pressed(event: KeyboardEvent) {
      const now = latest.current;
      if (!now || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      const shortcut = findShortcut(event.key);
      if (!shortcut || belongsElsewhere(event, now.frame)) return;
      event.preventDefault();
      shortcut.act(now, event.key);
      now.frame.dispatchEvent(new CustomEvent("playhouse:active"));
    }
    document.addEventListener("keydown", pressed);
    return () => document.removeEventListener("keydown", pressed);
  }, [latest]);
}

function belongsElsewhere(event: KeyboardEvent, frame: HTMLElement): boolean {
  const target = event.target;
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target.closest("input:not([type=range]), textarea, select, [role=menu]")) return true;
  if (event.key === " ") return target.closest("button, a, summary") !== null;
  if (!event.key.startsWith("Arrow")) return false;
  if (target.matches("input, [role=slider]")) return true;
  const inside = frame.contains(target);
  // Up and down scroll the page unless the player itself is in use.
  const vertical = event.key === "ArrowUp" || event.key === "ArrowDown";
  return !inside && (vertical || target !== document.body);
}
