import type { Comment } from "../api/types";
import { CommentText } from "../comments/CommentText";
import { usePositionS } from "../comments/usePositionS";
import { formatClock } from "../lib/time";
import styles from "./Moment.module.css";
import { useTimeline } from "./useTimeline";

interface MomentProps {
  videoId: string;
  media: HTMLVideoElement | null;
  durationMs: number | null;
  removed: Set<string>;
  onSeek: (positionMs: number) => void;
}

/** What people said about this very moment of the recording, while it plays. */
export function Moment({ videoId, media, durationMs, removed, onSeek }: MomentProps) {
  const positionS = usePositionS(media);
  const comments = useTimeline(videoId, positionS, durationMs, removed);
  if (!media || comments.length === 0) return null;
  return (
    <section className={styles.moment} aria-label="At this moment" data-testid="moment">
      <ul>
        {comments.map((comment: Comment) => (
          <li key={comment.id}>
            <span className="tabular">{formatClock(comment.at_ms ?? 0)}</span>
            <p>
              <strong>{comment.user.display_name}</strong>{" "}
              <CommentText text={comment.text} durationMs={durationMs} onSeek={onSeek} />
            </p>
          </li>
        ))}
      </ul>
    </section>
  );
}
