import { useState } from "react";
import { cancelJob, retryJob } from "../api/jobs";
import type { Job } from "../api/types";
import type { Video } from "../api/types";
import { getVideo } from "../api/videos";
import { Button } from "../components/Button";
import { ErrorNote } from "../components/ErrorNote";
import { Icon } from "../components/Icon";
import { JobProgress } from "../components/JobProgress";
import { failureWords } from "../lib/failureWords";
import { jobWords } from "../lib/stages";
import { formatTimeLeft } from "../lib/time";
import { JobEvents } from "./JobEvents";
import styles from "./JobPanel.module.css";
import { useJob } from "./useJob";

interface JobPanelProps {
  video: Video;
  onVideo: (video: Video) => void;
}

/** How a video is made, for its owner: how far, how long still, what happened, and what can be done about it. */
export function JobPanel({ video, onVideo }: JobPanelProps) {
  const { job, error, leftMs, reload } = useJob(video);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Error | null>(null);

  async function act(call: (videoId: string) => Promise<unknown>) {
    setBusy(true);
    setProblem(null);
    try {
      await call(video.id);
      onVideo(await getVideo(video.id));
    } catch (reason) {
      setProblem(reason as Error);
    }
    reload();
    setBusy(false);
  }

  if (!job) return error ? <ErrorNote error={error} onRetry={reload} /> : <p className={styles.soft}>Loading…</p>;
  return (
    <div className={styles.panel} data-testid="job" data-state={job.state}>
      {isActive(job) && <JobProgress video={video} left={leftMs === null ? null : formatTimeLeft(leftMs / 1000)} />}
      {!isActive(job) && <p className={styles.state}>{jobWords(job.state)}</p>}
      {job.failure && job.state === "failed" && <FailureNote failure={job.failure} />}
      {job.attempts > 1 && <p className={styles.soft}>Tried {job.attempts} times.</p>}
      <div className={styles.actions}>
        {isActive(job) && (
          <Button busy={busy} onClick={() => void act(cancelJob)}>
            Stop it
          </Button>
        )}
        {mayRetry(job) && (
          <Button look="primary" busy={busy} onClick={() => void act(retryJob)}>
            <Icon name="retry" size={18} /> Try again
          </Button>
        )}
      </div>
      {problem && <ErrorNote error={problem} />}
      <JobEvents events={job.events} />
    </div>
  );
}

function FailureNote({ failure }: { failure: NonNullable<Job["failure"]> }) {
  const { reason, advice } = failureWords(failure);
  return (
    <div className={styles.failure} role="alert">
      <Icon name="alert" />
      <p>
        {reason} <span className={styles.soft}>{advice}</span>
      </p>
    </div>
  );
}

function isActive({ state }: Job): boolean {
  return state === "running" || state === "queued";
}

function mayRetry({ state, failure }: Job): boolean {
  return state === "cancelled" || (state === "failed" && (failure?.retryable ?? true));
}
