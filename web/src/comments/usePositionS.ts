import { useEffect, useState } from "react";

/** The whole second at which the video is. */
export function usePositionS(media: HTMLVideoElement | null): number {
  const [positionS, setPositionS] = useState(0);
  useEffect(() => {
    if (!media) return;
    const read = () => setPositionS(Math.floor(media.currentTime));
    read();
    media.addEventListener("timeupdate", read);
    media.addEventListener("seeked", read);
    return () => {
      media.removeEventListener("timeupdate", read);
      media.removeEventListener("seeked", read);
    };
  }, [media]);
  return positionS;
}
