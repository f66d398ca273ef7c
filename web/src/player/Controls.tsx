import type { Caption, Chapter, Video } from "../api/types";
import { formatClock, speakClock } from "../lib/time";
import { CaptionMenu } from "./CaptionMenu";
import { ChapterMenu } from "./ChapterMenu";
import { spansOf } from "./chapters";
import { ControlButton } from "./ControlButton";
import styles from "./Controls.module.css";
import { seekTo, setRate, toggleFullscreen, togglePictureInPicture, togglePlay } from "./controls";
import { MoreMenu } from "./MoreMenu";
import { QualityMenu } from "./QualityMenu";
import { SeekBar } from "./SeekBar";
import { SoundMenu } from "./SoundMenu";
import { SpeedMenu } from "./SpeedMenu";
import type { useCaptions } from "./useCaptions";
import type { useEngine } from "./useEngine";
import { useFullscreen } from "./useFullscreen";
import type { MediaState } from "./useMediaState";
import { useTiles } from "./useTiles";
import { VolumeControl } from "./VolumeControl";

interface ControlsProps {
  video: HTMLVideoElement;
  frame: HTMLElement;
  media: MediaState;
  engine: ReturnType<typeof useEngine>;
  durationS: number;
  tilesUrl: string | null;
  markersMs: number[];
  chapters: Chapter[];
  captions: Caption[];
  sourceRange: Video["source_range"];
  shownCaptions: ReturnType<typeof useCaptions>;
  loop: boolean;
  theatre: boolean;
  onLoop: () => void;
  onTheatre: () => void;
  onHelp: () => void;
}

export function Controls({ video, frame, media, engine, durationS, ...rest }: ControlsProps) {
  const tiles = useTiles(rest.tilesUrl);
  const fullscreen = useFullscreen();
  const spans = spansOf(rest.chapters, durationS);
  const playName = media.ended ? "Play again" : media.paused ? "Play" : "Pause";
  return (
    <div className={styles.controls} role="group" aria-label="Player controls">
      <SeekBar
        video={video}
        media={media}
        durationS={durationS}
        tiles={tiles}
        markersMs={rest.markersMs}
        spans={spans}
        onSeek={(positionS) => seekTo(video, positionS)}
      />
      <div className={styles.row}>
        <ControlButton
          name={playName}
          hint="k"
          icon={media.ended ? "retry" : media.paused ? "play" : "pause"}
          onPress={() => togglePlay(video)}
        />
        <VolumeControl video={video} volume={media.volume} muted={media.muted} />
        <p className={styles.time}>
          <span className="visually-hidden">
            {speakClock(media.currentS * 1000)} of {speakClock(durationS * 1000)}
          </span>
          <span aria-hidden="true">
            {formatClock(media.currentS * 1000)} <i>/</i> {formatClock(durationS * 1000)}
          </span>
        </p>
        <span className={styles.chapter}>
          <ChapterMenu spans={spans} positionS={media.currentS} onSeek={(positionS) => seekTo(video, positionS)} />
        </span>
        <span className={styles.spacer} />
        <span className={styles.wide}>
          <SoundMenu state={engine.state} onChoose={engine.chooseSound} />
        </span>
        <CaptionMenu
          captions={rest.captions}
          chosen={rest.shownCaptions.chosen?.language ?? null}
          onChoose={rest.shownCaptions.choose}
        />
        <span className={styles.wide}>
          <SpeedMenu rate={media.rate} onChoose={(rate) => setRate(video, rate)} />
        </span>
        <QualityMenu state={engine.state} sourceRange={rest.sourceRange} onChoose={engine.choose} />
        <span className={styles.narrow}>
          <MoreMenu video={video} media={media} engine={engine} loop={rest.loop} onLoop={rest.onLoop} />
        </span>
        <span className={styles.wide}>
          <ControlButton name="Loop" hint="r" icon="loop" pressed={rest.loop} onPress={rest.onLoop} />
          <ControlButton name="Keyboard shortcuts" hint="?" icon="help" onPress={rest.onHelp} />
          {document.pictureInPictureEnabled && (
            <ControlButton
              name={media.floating ? "Leave picture in picture" : "Picture in picture"}
              hint="i"
              icon="pip"
              onPress={() => void togglePictureInPicture(video).catch(() => undefined)}
            />
          )}
          {!fullscreen && (
            <ControlButton
              name={rest.theatre ? "Default view" : "Theatre"}
              hint="t"
              icon={rest.theatre ? "narrow" : "theatre"}
              onPress={rest.onTheatre}
            />
          )}
        </span>
        <ControlButton
          name={fullscreen ? "Leave full screen" : "Full screen"}
          hint="f"
          icon={fullscreen ? "shrink" : "fullscreen"}
          onPress={() => void toggleFullscreen(frame).catch(() => undefined)}
        />
      </div>
    </div>
  );
}
