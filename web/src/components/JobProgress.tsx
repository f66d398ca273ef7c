import type { Video } from "../api/types";
import { stageWords } from "../lib/stages";
import styles from "./JobProgress.module.css";
import { ProgressBar } from "./ProgressBar";

/** Where the transcode of a video stands, in words and per cent. */
export function JobProgress({ video, left }: { video: Video; left?: string | null }) {
  const percent = Math.round(video.progress.percent);
  const words = stageWords(video.progress.stage);
  return (
    <div className={styles.job}>
      <p className={styles.words} role="status">
        <span>{words}</span>
        <span className="tabular">
          {left && <span className={styles.left}>{left} · </span>}
          {percent} %
        </span>
      </p>
      <ProgressBar label={words} percent={percent} />
    </div>
  );
}
