import { useState } from "react";
import { setSlowMode } from "../api/chat";
import { formatWait } from "../lib/hold";
import styles from "./ModeratorBar.module.css";
import { PollForm } from "./PollForm";

interface ModeratorBarProps {
  videoId: string;
  slowModeS: number;
  pollOpen: boolean;
}

const pausesS = [0, 5, 15, 30, 60, 300];

/** What moderators set for the whole room. */
export function ModeratorBar({ videoId, slowModeS, pollOpen }: ModeratorBarProps) {
  const [asking, setAsking] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const pauses = pausesS.includes(slowModeS) ? pausesS : [...pausesS, slowModeS].toSorted((a, b) => a - b);

  function pick(pauseS: number) {
    setProblem(null);
    setSlowMode(videoId, pauseS).catch((error: unknown) => setProblem((error as Error).message));
  }

  return (
    <div className={styles.bar} data-testid="moderator-bar">
      <label>
        Slow mode{" "}
        <select value={slowModeS} onChange={(event) => pick(Number(event.target.value))}>
          {pauses.map((pauseS) => (
            <option key={pauseS} value={pauseS}>
              {pauseS === 0 ? "off" : formatWait(pauseS)}
            </option>
          ))}
        </select>
      </label>
      {!pollOpen && (
        <button type="button" aria-expanded={asking} onClick={() => setAsking(!asking)}>
          {asking ? "No poll" : "Ask a poll"}
        </button>
      )}
      {problem && <p role="alert">{problem}</p>}
      {asking && !pollOpen && <PollForm videoId={videoId} onOpened={() => setAsking(false)} />}
    </div>
  );
}
