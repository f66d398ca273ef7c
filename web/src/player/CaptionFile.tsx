import type { Caption } from "../api/types";

interface CaptionFileProps {
  caption: Caption;
  onTrack: (track: HTMLTrackElement | null) => void;
}

/** Has the browser fetch and read a caption file, for a <video> around it. */
export function CaptionFile({ caption, onTrack }: CaptionFileProps) {
  const kind = caption.kind === "captions" ? "captions" : "subtitles";
  return <track ref={onTrack} kind={kind} src={caption.url} srcLang={caption.language} label={caption.label} />;
}
