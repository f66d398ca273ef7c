import type { Video } from "../api/types";
import styles from "./StatusBadge.module.css";

/** Says what is unusual about a video: not ready, or not for everyone. */
export function StatusBadge({ video }: { video: Video }) {
  const words = wordsFor(video);
  return words ? <span className={styles.badge}>{words}</span> : null;
}

function wordsFor(video: Video): string | null {
  if (video.status === "failed") return "Failed";
  if (video.status === "uploading") return "Uploading";
  if (video.status === "processing") return `Processing ${Math.round(video.progress.percent)} %`;
  if (video.visibility === "private") return "Private";
  if (video.visibility === "unlisted") return "Unlisted";
  return null;
}
