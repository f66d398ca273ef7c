import { useState } from "react";
import { deleteComment } from "../api/comments";
import type { Comment } from "../api/types";
import { Avatar } from "../components/Avatar";
import { calls } from "../lib/mentions";
import { formatAge, formatClock, speakClock } from "../lib/time";
import type { RoomStore } from "../realtime/roomStore";
import styles from "./CommentItem.module.css";
import { CommentText } from "./CommentText";
import { EditForm } from "./EditForm";
import { ModerateMenu } from "./ModerateMenu";

interface CommentItemProps {
  comment: Comment;
  room: RoomStore;
  now: number;
  durationMs: number | null;
  own: { id: string; username: string } | null;
  moderator: boolean;
  pinned: boolean;
  lengthMax: number;
  onSeek: (positionMs: number) => void;
  onReply?: () => void;
}

export function CommentItem({ comment, room, now, durationMs, own, moderator, pinned, lengthMax, onSeek, onReply }: CommentItemProps) {
  const { user, text, at_ms: atMs, created_at: createdAt } = comment;
  const mine = own?.id === user.id;
  const [editing, setEditing] = useState(false);
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
    <article className={styles.comment} data-testid="comment" data-busy={removing === "busy"} data-calls={calls(text, own?.username ?? null)}>
      <Avatar name={user.display_name} size={30} />
      <div className={styles.body}>
        <p className={styles.head}>
          <strong>{user.display_name}</strong>
          <time dateTime={createdAt} title={new Date(createdAt).toLocaleString()}>
            {formatAge(createdAt, now)}
          </time>
          {comment.edited_at && <span>edited</span>}
        </p>
        {editing ? (
          <EditForm
            comment={comment}
            lengthMax={lengthMax}
            onSaved={(saved) => room.renew(saved)}
            onClose={() => setEditing(false)}
          />
        ) : (
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
            <CommentText text={text} durationMs={durationMs} onSeek={onSeek} />
          </p>
        )}
        {(onReply || mine || moderator) && !editing && (
          <div className={styles.actions}>
            {onReply && (
              <button type="button" onClick={onReply}>
                Reply
              </button>
            )}
            {mine && (
              <>
                <button type="button" onClick={() => setEditing(true)}>
                  Edit
                </button>
                <button type="button" disabled={removing === "busy"} onClick={() => void remove()}>
                  {removing === "failed" ? "Could not delete. Try again" : "Delete"}
                </button>
              </>
            )}
            {moderator && <ModerateMenu comment={comment} room={room} pinned={pinned} own={mine} />}
          </div>
        )}
      </div>
    </article>
  );
}
