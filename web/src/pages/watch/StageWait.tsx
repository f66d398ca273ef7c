import type { Video } from "../../api/types";
import { JobProgress } from "../../components/JobProgress";
import styles from "./Stage.module.css";

/** Until there is something to play: how far it is. */
export function StageWait({ video }: { video: Video }) {
  const made = video.status === "ready";
  return (
    <div className={styles.waiting}>
      <p className={styles.title}>{made ? "One moment…" : "Behind the curtain"}</p>
      {!made && (
        <>
          <p className={styles.soft}>This video is being made. It starts by itself as soon as it can be played.</p>
          <JobProgress video={video} />
        </>
      )}
    </div>
  );
}
