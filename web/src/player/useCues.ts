import { useEffect, useState } from "react";

/** The cues of a track that are due now. The player draws them itself, so that they stay clear of its controls. */
export function useCues(track: HTMLTrackElement | null, floating: boolean): VTTCue[] {
  const [cues, setCues] = useState<VTTCue[]>([]);
  useEffect(() => {
    if (!track) return;
    const { track: text } = track;
    // In a window of its own only the browser can draw.
    text.mode = floating ? "showing" : "hidden";
    const read = () => setCues([...(text.activeCues ?? [])] as VTTCue[]);
    text.addEventListener("cuechange", read);
    track.addEventListener("load", read);
    read();
    return () => {
      text.removeEventListener("cuechange", read);
      track.removeEventListener("load", read);
      text.mode = "disabled";
      setCues([]);
    };
  }, [track, floating]);
  return cues;
}
