import { useEffect, useState } from "react";
import { secondsLeft } from "../lib/hold";

/** Whole seconds until a moment, counted down; 0 without one. */
export function useSecondsLeft(untilMs: number | null): number {
  const [left, setLeft] = useState(() => secondsLeft(untilMs, Date.now()));
  useEffect(() => {
    const read = () => setLeft(secondsLeft(untilMs, Date.now()));
    read();
    if (untilMs === null) return;
    const timer = setInterval(() => {
      read();
      if (Date.now() >= untilMs) clearInterval(timer);
    }, 250);
    return () => clearInterval(timer);
  }, [untilMs]);
  return left;
}
