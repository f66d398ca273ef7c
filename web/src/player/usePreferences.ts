import { useEffect } from "react";
import { readStored, writeStored } from "../lib/storage";

const key = "playhouse.volume";

/** The volume of last time, here again. */
export function useRememberedVolume(video: HTMLVideoElement | null): void {
  useEffect(() => {
    if (!video) return;
    const stored = readStored<{ volume: number; muted: boolean }>(key);
    if (stored && stored.volume >= 0 && stored.volume <= 1) {
      video.volume = stored.volume;
      video.muted = stored.muted;
    }
    const remember = () => writeStored(key, { volume: video.volume, muted: video.muted });
    video.addEventListener("volumechange", remember);
    return () => video.removeEventListener("volumechange", remember);
  }, [video]);
}
