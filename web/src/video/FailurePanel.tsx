import { useState } from "react";
import { retryJob } from "../api/jobs";
import { useUser } from "../api/session";
import type { Video } from "../api/types";
import { getVideo } from "../api/videos";
import { Button } from "../components/Button";
import { ErrorNote } from "../components/ErrorNote";
import { Icon } from "../components/Icon";
import { failureWords } from "../lib/failureWords";
import styles from "./FailurePanel.module.css";

/** Why a video could not be made, and a button for its owner where another try can help. */
export function FailurePanel({ video, onRetried }: { video: Video; onRetried: (video: Video) => void }) {
  const user = useUser();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Error | null>(null);
  const { title, reason, advice } = failureWords(video.failure);
  const own = user?.channel_id === video.channel.id;

  async function retry() {
    setBusy(true);
    setProblem(null);
    try {
      await retryJob(video.id);
      onRetried(await getVideo(video.id));
    } catch (error) {
      setProblem(error as Error);
    }
    setBusy(false);
  }

  return (
    <div className={styles.panel} role="alert">
      <Icon name="alert" size={30} />
      <p className={styles.title}>{title}</p>
      <p>{reason}</p>
      {own && <p>{advice}</p>}
      {own && video.failure?.retryable && (
        <Button look="primary" busy={busy} onClick={() => void retry()}>
          Try again
        </Button>
      )}
      {problem && <ErrorNote error={problem} />}
    </div>
  );
}
