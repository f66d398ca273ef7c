import { Button, ButtonLink } from "../../components/Button";
import { ErrorNote } from "../../components/ErrorNote";
import { Icon } from "../../components/Icon";
import { JobPanel } from "../../video/JobPanel";
import { useVideo } from "../../video/useVideo";
import { usePlayback } from "../../video/usePlayback";
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
  const over = video.status === "failed";
  return (
    <>
      <JobPanel video={video} onVideo={replace} />
      {playback ? (
        <div className={styles.actions}>
          <ButtonLink look="primary" to={`/watch/${videoId}`} onClick={onWatch}>
            <Icon name="play" size={18} /> Watch it now
          </ButtonLink>
        </div>
      ) : (
        !over && <p className={styles.soft}>It can be watched in a moment, long before this is done.</p>
      )}
    </>
  );
}
