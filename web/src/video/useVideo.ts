import { useCallback, useEffect } from "react";
import { useUser } from "../api/session";
import type { Video } from "../api/types";
import { getVideo } from "../api/videos";
import { useResource } from "../lib/useResource";
import type { JobNotice } from "../realtime/frames";
import { useJobNotices } from "../realtime/useJobNotices";

const pollMs = 2_000;

/** A video, kept up to date while it is being made: by notices for its owner, by asking for everyone. */
export function useVideo(videoId: string) {
  const user = useUser();
  const resource = useResource(
    useCallback((signal: AbortSignal) => getVideo(videoId, signal), [videoId]),
    user?.id,
  );
  const { reload, replace } = resource;
  const video = resource.value;
  const making = video?.status === "processing" || video?.status === "uploading";

  useJobNotices(videoId, (job) => {
    replace((before) => withJob(before, job));
    if (job.status !== video?.status) reload();
  });
  useEffect(() => {
    if (!making) return;
    const timer = setInterval(reload, pollMs);
    return () => clearInterval(timer);
  }, [making, reload]);

  return { video, error: resource.error, reload, replace: (changed: Video) => replace(() => changed) };
}

function withJob(video: Video, job: JobNotice): Video {
  return { ...video, progress: { stage: job.stage, percent: job.percent }, failure: job.failure ?? video.failure };
}
