import type { JobEvent } from "../api/types";
import { stageWords } from "../lib/stages";
import styles from "./JobPanel.module.css";

/** What happened to a job and when, the newest first. */
export function JobEvents({ events }: { events: JobEvent[] }) {
  if (events.length === 0) return null;
  return (
    <details className={styles.events}>
      <summary>What happened ({events.length})</summary>
      <ol reversed>
        {events.toReversed().map(({ at, stage, detail }, index) => (
          <li key={`${at} ${index}`}>
            <time dateTime={at} title={new Date(at).toLocaleString()}>
              {new Date(at).toLocaleTimeString()}
            </time>
            <span>
              {stageWords(stage)}
              {detail && <small>{detail}</small>}
            </span>
          </li>
        ))}
      </ol>
    </details>
  );
}
