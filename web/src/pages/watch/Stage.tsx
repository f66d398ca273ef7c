/** Where the picture is: the player once there is something to play, until then what is being done about it. */
import { useCallback, useEffect, useMemo } from "react";
import { captionsOf, chaptersOf } from "../../api/captions";
import type { Video } from "../../api/types";
import { Player } from "../../player/Player";
import { FailurePanel } from "../../video/FailurePanel";
import { usePlayback } from "../../video/usePlayback";
import styles from "./Stage.module.css";
import { StageFault } from "./StageFault";
import { StageWait } from "./StageWait";

interface StageProps {
  videoId: string;
  video: Video | null;
  pinnedMs: number[];
  theatre: boolean;
  onTheatre: () => void;
  onVideo: (media: HTMLVideoElement | null) => void;
  onRetried: (video: Video) => void;
  /** Raised when something beside the picture has changed, such as its captions. */
  round: number;
  /** Raised when another file has taken the place of what plays. */
  file: number;
}

export function Stage({ videoId, video, pinnedMs, round, file, ...rest }: StageProps) {
  const { playback, passing, error, renew } = usePlayback(videoId, video?.progress.percent ?? 0, video?.status ?? "processing");
  const renewed = useCallback(() => void renew(), [renew]);
  useEffect(() => {
    if (round > 0 || file > 0) renewed();
  }, [round, file, renewed]);
  const markers = pinnedMs.join();
  const markersMs = useMemo(() => [...new Set(markers.split(",").filter(Boolean).map(Number))], [markers]);

  if (playback && video?.status !== "failed") {
    return (
      <Player
        key={`${videoId}-${file}`}
        videoId={videoId}
        title={video?.title ?? "Video"}
        source={playback}
        poster={playback.poster ?? video?.thumbnails?.poster ?? null}
        tilesUrl={playback.thumbnails_vtt ?? video?.thumbnails?.sprite_vtt ?? null}
        durationMs={video?.duration_ms ?? null}
        markersMs={markersMs}
        chapters={chaptersOf(video)}
        captions={captionsOf(playback)}
        heights={heightsOf(video)}
        sourceRange={video?.source_range ?? "standard"}
        theatre={rest.theatre}
        onTheatre={rest.onTheatre}
        onStale={renewed}
        onVideo={rest.onVideo}
      />
    );
  }
  const reason = error ?? (passing && passing.code !== "not_playable_yet" ? passing : null);
  return (
    <div className={styles.stage}>
      {video?.status === "failed" && <FailurePanel video={video} onRetried={rest.onRetried} />}
      {video?.status !== "failed" && reason && <StageFault error={reason} onRetry={renewed} />}
      {video && video.status !== "failed" && !reason && <StageWait video={video} />}
    </div>
  );
}

function heightsOf(video: Video | null): number[] {
  const complete = (video?.renditions ?? []).filter((rendition) => rendition.complete);
  return complete.flatMap(({ width, height }) => (width && height ? [Math.min(width, height)] : []));
}
