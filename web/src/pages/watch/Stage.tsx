/** Where the picture is: the player once there is something to play, until then what is being done about it. */
import { useCallback, useMemo } from "react";
import type { Video } from "../../api/types";
import { ErrorNote } from "../../components/ErrorNote";
import { JobProgress } from "../../components/JobProgress";
import { Player } from "../../player/Player";
import { FailurePanel } from "../../video/FailurePanel";
import { usePlayback } from "../../video/usePlayback";
import styles from "./Stage.module.css";

interface StageProps {
  videoId: string;
  video: Video | null;
  pinnedMs: number[];
  theatre: boolean;
  onTheatre: () => void;
  onVideo: (media: HTMLVideoElement | null) => void;
  onRetried: (video: Video) => void;
}

export function Stage({ videoId, video, pinnedMs, ...rest }: StageProps) {
  const { playback, error, renew } = usePlayback(videoId, video?.progress.percent ?? 0, video?.status ?? "processing");
  const renewed = useCallback(() => void renew(), [renew]);
  const markers = pinnedMs.join();
  const markersMs = useMemo(() => [...new Set(markers.split(",").filter(Boolean).map(Number))], [markers]);

  if (playback && video?.status !== "failed") {
    return (
      <Player
        title={video?.title ?? "Video"}
        url={playback.hls}
        poster={playback.poster ?? video?.thumbnails?.poster ?? null}
        tilesUrl={playback.thumbnails_vtt ?? video?.thumbnails?.sprite_vtt ?? null}
        durationMs={video?.duration_ms ?? null}
        markersMs={markersMs}
        revision={revisionOf(video)}
        theatre={rest.theatre}
        onTheatre={rest.onTheatre}
        onStale={renewed}
        onVideo={rest.onVideo}
      />
    );
  }
  return (
    <div className={styles.stage}>
      {video?.status === "failed" && <FailurePanel video={video} onRetried={rest.onRetried} />}
      {video && video.status !== "failed" && !error && (
        <div className={styles.waiting}>
          <p className={styles.title}>{video.status === "ready" ? "One moment…" : "Behind the curtain"}</p>
          {video.status !== "ready" && (
            <>
              <p className={styles.soft}>This video is being made. It starts by itself as soon as it can be played.</p>
              <JobProgress video={video} />
            </>
          )}
        </div>
      )}
      {error && video?.status !== "failed" && <ErrorNote error={error} onRetry={renewed} />}
    </div>
  );
}

/** Grows with each quality that is complete, so that the player knows when to look for more. */
function revisionOf(video: Video | null): string {
  const complete = (video?.renditions ?? []).filter((rendition) => rendition.complete);
  return complete
    .map(({ name }) => name)
    .toSorted()
    .join();
}
