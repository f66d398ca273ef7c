import { useState } from "react";
import { deleteComment } from "../api/comments";
import type { Comment } from "../api/types";
import { Avatar } from "../components/Avatar";
import { LinkedText } from "../components/LinkedText";
import { formatAge, formatClock, speakClock } from "../lib/time";
import type { RoomStore } from "../realtime/roomStore";
import styles from "./CommentItem.module.css";

interface CommentItemProps {
  comment: Comment;
  room: RoomStore;
  now: number;
  durationMs: number | null;
  ownId: string | null;
  onSeek: (positionMs: number) => void;
  onReply?: () => void;
}

export function CommentItem({ comment, room, now, durationMs, ownId, onSeek, onReply }: CommentItemProps) {
  const { user, text, at_ms: atMs, created_at: createdAt } = comment;
  const [removing, setRemoving] = useState<"no" | "busy" | "failed">("no");

  async function remove() {
    setRemoving("busy");
    try {
      await deleteComment(comment.id);
      room.forget([comment.id]);
    } catch {
      setRemoving("failed");
    }
  }

  return (
    <article className={styles.comment} data-testid="comment" data-busy={removing === "busy"}>
      <Avatar name={user.display_name} size={30} />
      <div className={styles.body}>
        <p className={styles.head}>
          <strong>{user.display_name}</strong>
          <time dateTime={createdAt} title={new Date(createdAt).toLocaleString()}>
            {formatAge(createdAt, now)}
          </time>
        </p>
        <p className={styles.text}>
          {atMs !== null && atMs !== undefined && (
            <button
              type="button"
              className={styles.pin}
              onClick={() => onSeek(atMs)}
              aria-label={`Go to ${speakClock(atMs)}`}
            >
              {formatClock(atMs)}
            </button>
          )}
          <LinkedText text={text} durationMs={durationMs} onSeek={onSeek} />
        </p>
        {(onReply || ownId === user.id) && (
          <p className={styles.actions}>
            {onReply && (
              <button type="button" onClick={onReply}>
                Reply
              </button>
            )}
            {ownId === user.id && (
              <button type="button" disabled={removing === "busy"} onClick={() => void remove()}>
                {removing === "failed" ? "Could not delete. Try again" : "Delete"}
              </button>
            )}
          </p>
        )}
      </div>
    </article>
  );
}
