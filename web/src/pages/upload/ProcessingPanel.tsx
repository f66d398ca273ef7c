import { Button, ButtonLink } from "../../components/Button";
import { ErrorNote } from "../../components/ErrorNote";
import { Icon } from "../../components/Icon";
import { JobProgress } from "../../components/JobProgress";
import { useVideo } from "../../video/useVideo";
import { usePlayback } from "../../video/usePlayback";
import { FailurePanel } from "../../video/FailurePanel";
import styles from "./UploadPage.module.css";

interface ProcessingPanelProps {
  videoId: string | null;
  title: string;
  channelId: string;
  onDone: () => void;
}

/** After the last byte: what the server does with the video, and where to watch it as soon as it plays. */
export function ProcessingPanel({ videoId, title, channelId, onDone }: ProcessingPanelProps) {
  return (
    <section className={styles.panel} aria-label="Processing">
      <div>
        <h2>{title}</h2>
        <p className={styles.soft}>The upload has arrived.</p>
      </div>
      {videoId ? (
        <Progress videoId={videoId} onWatch={onDone} />
      ) : (
        <div className={styles.actions}>
          <ButtonLink to={`/channel/${channelId}`}>To your channel</ButtonLink>
        </div>
      )}
      <div>
        <Button look="quiet" onClick={onDone}>
          Upload another
        </Button>
      </div>
    </section>
  );
}

function Progress({ videoId, onWatch }: { videoId: string; onWatch: () => void }) {
  const { video, error, reload, replace } = useVideo(videoId);
  const { playback } = usePlayback(videoId, video?.progress.percent ?? 0, video?.status ?? "processing");
  if (!video) return error ? <ErrorNote error={error} onRetry={reload} /> : <p className={styles.soft}>Loading…</p>;
  if (video.status === "failed") return <FailurePanel video={video} onRetried={replace} />;
  return (
    <>
      {video.status === "ready" ? <p role="status">It is ready in all its qualities.</p> : <JobProgress video={video} />}
      {playback ? (
        <div className={styles.actions}>
          <ButtonLink look="primary" to={`/watch/${videoId}`} onClick={onWatch}>
            <Icon name="play" size={18} /> Watch it now
          </ButtonLink>
        </div>
      ) : (
        <p className={styles.soft}>It can be watched in a moment, long before this is done.</p>
      )}
    </>
  );
}
