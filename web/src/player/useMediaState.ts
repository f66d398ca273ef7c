import { useEffect, useState } from "react";

export interface MediaState {
  paused: boolean;
  ended: boolean;
  waiting: boolean;
  started: boolean;
  currentS: number;
  durationS: number;
  buffered: { startS: number; endS: number }[];
  volume: number;
  muted: boolean;
  rate: number;
  floating: boolean;
}

const initial: MediaState = {
  paused: true,
  ended: false,
  waiting: false,
  started: false,
  currentS: 0,
  durationS: 0,
  buffered: [],
  volume: 1,
  muted: false,
  rate: 1,
  floating: false,
};

const events = [
  "play", "playing", "pause", "ended", "waiting", "seeking", "seeked", "timeupdate", "durationchange", "progress",
  "volumechange", "ratechange", "loadeddata", "canplay", "enterpictureinpicture", "leavepictureinpicture", "emptied",
] as const;

/** What the <video> is doing, renewed by its own events. */
export function useMediaState(video: HTMLVideoElement | null): MediaState {
  const [state, setState] = useState(initial);
  useEffect(() => {
    if (!video) return;
    const read = () => setState(stateOf(video));
    for (const event of events) video.addEventListener(event, read);
    read();
    return () => {
      for (const event of events) video.removeEventListener(event, read);
    };
  }, [video]);
  return state;
}

function stateOf(video: HTMLVideoElement): MediaState {
  return {
    paused: video.paused,
    ended: video.ended,
    waiting: !video.paused && !video.ended && video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA,
    started: video.currentTime > 0 || !video.paused,
    currentS: video.currentTime,
    durationS: Number.isFinite(video.duration) ? video.duration : 0,
    buffered: rangesOf(video.buffered),
    volume: video.volume,
    muted: video.muted,
    rate: video.playbackRate,
    floating: document.pictureInPictureElement === video,
  };
}

function rangesOf(ranges: TimeRanges): MediaState["buffered"] {
  return Array.from({ length: ranges.length }, (_, index) => ({
    startS: ranges.start(index),
    endS: ranges.end(index),
  }));
}
