import { useState } from "react";
import { pinComment } from "../api/chat";
import type { Comment } from "../api/types";
import { CommentText } from "../comments/CommentText";
import styles from "./PinnedComment.module.css";

interface PinnedCommentProps {
  comment: Comment;
  moderator: boolean;
  durationMs: number | null;
  onSeek: (positionMs: number) => void;
}

/** What moderators hold up for all to see. */
export function PinnedComment({ comment, moderator, durationMs, onSeek }: PinnedCommentProps) {
  const [failed, setFailed] = useState(false);
  const unpin = () => {
    setFailed(false);
    pinComment(comment.video_id, null).catch(() => setFailed(true));
  };
  return (
    <aside className={styles.pinned} aria-label="Pinned comment" data-testid="pinned">
      <p className={styles.head}>
        <span>Pinned</span>
        <strong>{comment.user.display_name}</strong>
        {moderator && (
          <button type="button" onClick={unpin}>
            {failed ? "Could not unpin. Try again" : "Unpin"}
          </button>
        )}
      </p>
      <p className={styles.text}>
        <CommentText text={comment.text} durationMs={durationMs} onSeek={onSeek} />
      </p>
    </aside>
  );
}
