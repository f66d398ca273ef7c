import type { Chapter } from "../../api/types";
import { formatClock } from "../../lib/time";
import styles from "./ChapterList.module.css";

export function ChapterList({ chapters, onSeek }: { chapters: Chapter[]; onSeek: (positionMs: number) => void }) {
  if (chapters.length === 0) return null;
  return (
    <details className={styles.chapters}>
      <summary>{chapters.length === 1 ? "1 chapter" : `${chapters.length} chapters`}</summary>
      <ol>
        {chapters.map(({ start_ms: startMs, title }) => (
          <li key={startMs}>
            <button type="button" onClick={() => onSeek(startMs)}>
              <span className={styles.time}>{formatClock(startMs)}</span>
              <span>{title}</span>
            </button>
          </li>
        ))}
      </ol>
    </details>
  );
}
