import type { CSSProperties } from "react";
import { ControlButton } from "./ControlButton";
import { setVolume, toggleMute } from "./controls";
import styles from "./VolumeControl.module.css";

interface VolumeControlProps {
  video: HTMLVideoElement;
  volume: number;
  muted: boolean;
}

export function VolumeControl({ video, volume, muted }: VolumeControlProps) {
  const heard = muted ? 0 : volume;
  const icon = heard === 0 ? "muted" : heard < 0.5 ? "quiet" : "volume";
  return (
    <div className={styles.volume}>
      <ControlButton name={heard === 0 ? "Unmute" : "Mute"} hint="m" icon={icon} onPress={() => toggleMute(video)} />
      <input
        type="range"
        min="0"
        max="100"
        step="5"
        aria-label="Volume"
        aria-valuetext={`${Math.round(heard * 100)} per cent`}
        value={Math.round(heard * 100)}
        style={{ "--level": `${heard * 100}%` } as CSSProperties}
        onChange={(event) => setVolume(video, Number(event.target.value) / 100)}
      />
    </div>
  );
}
