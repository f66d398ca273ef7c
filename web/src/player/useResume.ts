import { useEffect, useState } from "react";
import { readStored, writeStored } from "../lib/storage";
import { withPosition, type Positions } from "./positions";

const key = "playhouse.positions";
const everyMs = 5_000;

/** Keeps where a video is, and says where it was left: 0 for the beginning. */
export function useResume(video: HTMLVideoElement | null, videoId: string): number {
  const [startS] = useState(() => readStored<Positions>(key)?.[videoId]?.positionS ?? 0);

  useEffect(() => {
    if (!video) return;
    let moved = false;
    const keep = () => {
      if (!moved || !Number.isFinite(video.duration)) return;
      const left = { positionS: video.ended ? video.duration : video.currentTime, atMs: Date.now() };
      writeStored(key, withPosition(readStored<Positions>(key) ?? {}, videoId, left, video.duration));
      moved = false;
    };
    const moves = () => {
      // Until the picture is there, the place in it is not yet one.
      moved = video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA;
    };
    const timer = setInterval(keep, everyMs);
    video.addEventListener("timeupdate", moves);
    for (const event of ["pause", "ended", "seeked"]) video.addEventListener(event, keep);
    window.addEventListener("pagehide", keep);
    return () => {
      keep();
      clearInterval(timer);
      video.removeEventListener("timeupdate", moves);
      for (const event of ["pause", "ended", "seeked"]) video.removeEventListener(event, keep);
      window.removeEventListener("pagehide", keep);
    };
  }, [video, videoId]);

  return startS;
}
