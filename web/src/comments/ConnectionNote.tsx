import { useEffect, useState } from "react";
import type { RoomState } from "../realtime/roomState";
import styles from "./ConnectionNote.module.css";

const patienceMs = 1_200;

/** Speaks up when the live line is away for longer than a blink. */
export function ConnectionNote({ state: { phase, problem } }: { state: RoomState }) {
  const [late, setLate] = useState(false);
  const waiting = phase === "connecting" || phase === "reconnecting";
  useEffect(() => {
    setLate(false);
    if (!waiting) return;
    const timer = setTimeout(() => setLate(true), patienceMs);
    return () => clearTimeout(timer);
  }, [waiting]);
  const words =
    phase === "refused"
      ? `Live comments are not available: ${problem?.detail ?? "the server refused"}`
      : phase === "connecting"
        ? "Connecting…"
        : "The line was lost. Coming back…";
  return (
    <p className={styles.note} role="status" data-shown={phase === "refused" || (waiting && late)}>
      {(phase === "refused" || (waiting && late)) && words}
    </p>
  );
}
