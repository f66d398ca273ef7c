/** The player: a picture, its controls, its keys. Says through `onVideo` which element plays. */
import { useEffect, useRef, useState, type PointerEvent } from "react";
import type { Caption, Chapter, Video } from "../api/types";
import { CaptionFile } from "./CaptionFile";
import { CaptionLayer } from "./CaptionLayer";
import { Controls } from "./Controls";
import { seekTo, togglePlay } from "./controls";
import { FaultNote } from "./FaultNote";
import { HelpOverlay } from "./HelpOverlay";
import styles from "./Player.module.css";
import { ResumeNote } from "./ResumeNote";
import { StartButton } from "./StartButton";
import { useCaptions } from "./useCaptions";
import { useCues } from "./useCues";
import { useEngine, type StreamSource } from "./useEngine";
import { useIdle } from "./useIdle";
import { useMediaState } from "./useMediaState";
import { useNewQualities } from "./useNewQualities";
import { useRememberedVolume } from "./usePreferences";
import { useReconnect } from "./useReconnect";
import { useResume } from "./useResume";
import { useShortcuts } from "./useShortcuts";

export interface PlayerProps {
  videoId: string;
  title: string;
  source: StreamSource;
  poster: string | null;
  tilesUrl: string | null;
  durationMs: number | null;
  markersMs: number[];
  chapters: Chapter[];
  captions: Caption[];
  /** The qualities that are complete, by their short side. */
  heights: number[];
  sourceRange: Video["source_range"];
  theatre: boolean;
  onTheatre: () => void;
  onStale: () => void;
  onVideo: (video: HTMLVideoElement | null) => void;
}

export function Player(props: PlayerProps) {
  const [video, setVideo] = useState<HTMLVideoElement | null>(null);
  const [frame, setFrame] = useState<HTMLDivElement | null>(null);
  const [help, setHelp] = useState(false);
  const [loop, setLoop] = useState(false);
  const [track, setTrack] = useState<HTMLTrackElement | null>(null);
  const media = useMediaState(video);
  const startS = useResume(video, props.videoId);
  const engine = useEngine(video, props.source, startS);
  const shownCaptions = useCaptions(props.captions);
  const shown = shownCaptions.chosen;
  const cues = useCues(track, media.floating);
  const idle = useIdle(frame);
  const { onVideo, onStale, onTheatre } = props;
  const fault = engine.state.fault;

  useRememberedVolume(video);
  useNewQualities(props.heights, engine);
  useReconnect(fault === "network", props.source.hls, engine.retry);
  useEffect(() => onVideo(video), [video, onVideo]);
  useEffect(() => {
    if (fault === "stale") onStale();
  }, [fault, onStale]);
  useEffect(() => {
    // Where the browser forbids it, the start button stays.
    video?.play().catch(() => undefined);
  }, [video]);

  const toggleHelp = () => setHelp((before) => !before);
  const toggleLoop = () => setLoop((before) => !before);
  const toggles = { toggleTheatre: onTheatre, toggleLoop, toggleCaptions: shownCaptions.toggle, toggleHelp };
  useShortcuts(video && frame ? { video, frame, ...toggles } : null);
  // What is buffered is still worth seeing while the line is broken.
  const shownFault = fault === "stale" || (fault === "network" && media.started && !media.waiting) ? null : fault;
  const quiet = idle && !media.paused && !help;
  const press = usePress(quiet, () => video && togglePlay(video));

  return (
    <div ref={setFrame} className={styles.frame} data-quiet={quiet} data-theatre={props.theatre}>
      <video
        ref={setVideo}
        className={styles.picture}
        playsInline
        loop={loop}
        preload="auto"
        poster={props.poster ?? undefined}
        aria-label={props.title}
        {...press}
      >
        {shown && <CaptionFile key={shown.url} caption={shown} onTrack={setTrack} />}
      </video>
      <CaptionLayer cues={cues} />
      {media.waiting && !fault && <div className={styles.waiting} role="status" aria-label="Loading" />}
      {video && !media.started && !fault && <StartButton onStart={() => togglePlay(video)} />}
      {video && startS > 0 && media.started && <ResumeNote positionS={startS} onStartOver={() => seekTo(video, 0)} />}
      {video && frame && (
        <Controls
          video={video}
          frame={frame}
          media={media}
          engine={engine}
          durationS={media.durationS || (props.durationMs ?? 0) / 1000}
          tilesUrl={props.tilesUrl}
          markersMs={props.markersMs}
          chapters={props.chapters}
          captions={props.captions}
          sourceRange={props.sourceRange}
          shownCaptions={shownCaptions}
          loop={loop}
          theatre={props.theatre}
          onLoop={toggleLoop}
          onTheatre={onTheatre}
          onHelp={toggleHelp}
        />
      )}
      {shownFault && <FaultNote fault={shownFault} onRetry={engine.retry} />}
      {help && <HelpOverlay onClose={() => setHelp(false)} />}
    </div>
  );
}

/** A mouse press on the picture plays or pauses; a finger first brings the controls back. */
function usePress(quiet: boolean, toggle: () => void) {
  const wakes = useRef(false);
  return {
    onPointerDown: ({ pointerType }: PointerEvent) => {
      wakes.current = quiet && pointerType === "touch";
    },
    onClick: () => {
      if (!wakes.current) toggle();
    },
  };
}
