import { useState } from "react";
import { ApiError } from "../../api/problem";
import { CommentsPanel } from "../../comments/CommentsPanel";
import { ErrorNote } from "../../components/ErrorNote";
import { readStored, writeStored } from "../../lib/storage";
import { useDocumentTitle } from "../../lib/useDocumentTitle";
import { seekTo } from "../../player/controls";
import { BurstLayer } from "../../talk/BurstLayer";
import { useRoom } from "../../realtime/useRoom";
import { useVideo } from "../../video/useVideo";
import { NotFoundPage } from "../NotFoundPage";
import { OwnerPanel } from "./OwnerPanel";
import { Stage } from "./Stage";
import { useWatchReports } from "./useWatchReports";
import { VideoInfo } from "./VideoInfo";
import styles from "./WatchPage.module.css";

const theatreKey = "playhouse.theatre";

export function WatchPage({ videoId }: { videoId: string }) {
  const { video, error, reload, replace } = useVideo(videoId);
  const { room, state } = useRoom(videoId);
  const [media, setMedia] = useState<HTMLVideoElement | null>(null);
  const [theatre, setTheatre] = useState(() => readStored<boolean>(theatreKey) ?? false);
  const [round, setRound] = useState(0);
  const [file, setFile] = useState(0);
  useDocumentTitle(video?.title ?? null);
  useWatchReports(room, media);

  if (error instanceof ApiError && error.status === 404) return <NotFoundPage what="video" />;
  if (!video && error) return <ErrorNote error={error} onRetry={reload} />;

  function toggleTheatre() {
    writeStored(theatreKey, !theatre);
    setTheatre(!theatre);
  }

  function seek(positionMs: number) {
    if (!media) return;
    seekTo(media, positionMs / 1000);
    void media.play().catch(() => undefined);
  }

  const pinned = state.comments.flatMap(({ at_ms: atMs }) => (atMs === null || atMs === undefined ? [] : [atMs]));
  return (
    <div className={styles.page} data-theatre={theatre}>
      <div className={styles.stage}>
        <Stage
          videoId={videoId}
          video={video}
          pinnedMs={pinned}
          theatre={theatre}
          onTheatre={toggleTheatre}
          onVideo={setMedia}
          onRetried={replace}
          round={round}
          file={file}
        />
        <BurstLayer room={room} />
      </div>
      <div className={styles.info}>
        {video && <VideoInfo video={video} counts={state.counts} onSeek={seek} />}
        {video && (
          <OwnerPanel
            video={video}
            onVideo={replace}
            onChanged={() => setRound((before) => before + 1)}
            onReplaced={() => setFile((before) => before + 1)}
          />
        )}
      </div>
      <div className={styles.comments}>
        <CommentsPanel room={room} state={state} media={media} durationMs={video?.duration_ms ?? null} onSeek={seek} />
      </div>
    </div>
  );
}
