/** The player: a picture, its controls, its keys. Says through `onVideo` which element plays. */
import { useEffect, useRef, useState } from "react";
import { Controls } from "./Controls";
import { togglePlay } from "./controls";
import { FaultNote } from "./FaultNote";
import { HelpOverlay } from "./HelpOverlay";
import styles from "./Player.module.css";
import { StartButton } from "./StartButton";
import { useEngine } from "./useEngine";
import { useIdle } from "./useIdle";
import { useMediaState } from "./useMediaState";
import { useRememberedVolume } from "./usePreferences";
import { useShortcuts } from "./useShortcuts";

export interface PlayerProps {
  title: string;
  url: string;
  poster: string | null;
  tilesUrl: string | null;
  durationMs: number | null;
  markersMs: number[];
  /** Raised when the master playlist lists more than before. */
  revision: string;
  theatre: boolean;
  onTheatre: () => void;
  onStale: () => void;
  onVideo: (video: HTMLVideoElement | null) => void;
}

export function Player(props: PlayerProps) {
  const [video, setVideo] = useState<HTMLVideoElement | null>(null);
  const [frame, setFrame] = useState<HTMLDivElement | null>(null);
  const [help, setHelp] = useState(false);
  const media = useMediaState(video);
  const engine = useEngine(video, props.url);
  const idle = useIdle(frame);
  const { onVideo, onStale, onTheatre } = props;
  const fault = engine.state.fault;

  useRememberedVolume(video);
  useRefresh(props.revision, engine.refresh);
  useEffect(() => onVideo(video), [video, onVideo]);
  useEffect(() => {
    if (fault === "stale") onStale();
  }, [fault, onStale]);
  useEffect(() => {
    // Where the browser forbids it, the start button stays.
    video?.play().catch(() => undefined);
  }, [video]);

  const toggleHelp = () => setHelp((before) => !before);
  useShortcuts(video && frame ? { video, frame, toggleTheatre: onTheatre, toggleHelp } : null);
  const quiet = idle && !media.paused && !help;

  return (
    <div ref={setFrame} className={styles.frame} data-quiet={quiet} data-theatre={props.theatre}>
      <video
        ref={setVideo}
        className={styles.picture}
        playsInline
        preload="auto"
        poster={props.poster ?? undefined}
        aria-label={props.title}
        onClick={() => video && togglePlay(video)}
      />
      {media.waiting && !fault && <div className={styles.waiting} role="status" aria-label="Loading" />}
      {video && !media.started && !fault && <StartButton onStart={() => togglePlay(video)} />}
      {video && frame && (
        <Controls
          video={video}
          frame={frame}
          media={media}
          engine={engine}
          durationS={media.durationS || (props.durationMs ?? 0) / 1000}
          tilesUrl={props.tilesUrl}
          markersMs={props.markersMs}
          theatre={props.theatre}
          onTheatre={onTheatre}
          onHelp={toggleHelp}
        />
      )}
      {fault && fault !== "stale" && <FaultNote fault={fault} onRetry={engine.retry} />}
      {help && <HelpOverlay onClose={() => setHelp(false)} />}
    </div>
  );
}

/** Reads the playlist again when the revision changes, but not for the first one. */
function useRefresh(revision: string, refresh: () => void): void {
  const seen = useRef(revision);
  useEffect(() => {
    if (revision === seen.current) return;
    seen.current = revision;
    refresh();
  }, [revision, refresh]);
}
