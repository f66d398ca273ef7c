import { splitTimestamps } from "../lib/timestamps";
import styles from "./LinkedText.module.css";

interface LinkedTextProps {
  text: string;
  durationMs: number | null;
  onSeek: (positionMs: number) => void;
}

/** What somebody wrote, with its times pressable. Never read as HTML. */
export function LinkedText({ text, durationMs, onSeek }: LinkedTextProps) {
  return splitTimestamps(text, durationMs).map((part, index) =>
    part.kind === "text" ? (
      part.text
    ) : (
      <button key={index} type="button" className={styles.time} onClick={() => onSeek(part.positionMs)}>
        {part.text}
      </button>
    ),
  );
}
