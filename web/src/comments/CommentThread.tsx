import { useState } from "react";
import { listComments } from "../api/comments";
import { useUser } from "../api/session";
import { Button } from "../components/Button";
import type { Thread } from "../lib/threads";
import { countOf } from "../lib/numbers";
import type { RoomState } from "../realtime/roomState";
import type { RoomStore } from "../realtime/roomStore";
import { CommentItem } from "./CommentItem";
import styles from "./CommentThread.module.css";
import { PendingItem } from "./PendingItem";
import { ReplyForm } from "./ReplyForm";

interface CommentThreadProps {
  thread: Thread;
  room: RoomStore;
  state: RoomState;
  now: number;
  durationMs: number | null;
  moderator: boolean;
  onSeek: (positionMs: number) => void;
}

export function CommentThread({ thread: { head, replies }, room, state, now, durationMs, moderator, onSeek }: CommentThreadProps) {
  const user = useUser();
  const [replying, setReplying] = useState(false);
  const [asked, setAsked] = useState(false);
  const pending = state.pending.filter(({ parentId }) => parentId === head.id);
  const missing = asked ? 0 : head.replies - replies.length;
  const lengthMax = state.limits?.comment_len_max ?? 2000;
  const shared = { room, now, durationMs, onSeek, own: user, moderator, lengthMax };
  const pinnedId = state.chat.pinned?.id;

  async function loadReplies() {
    setAsked(true);
    const page = await listComments(room.room, { parent: head.id }).catch(() => null);
    if (page) room.addOlder(page.items);
    else setAsked(false);
  }

  return (
    <li className={styles.thread}>
      <CommentItem
        comment={head}
        {...shared}
        pinned={head.id === pinnedId}
        {...(user && !head.parent_id ? { onReply: () => setReplying(true) } : {})}
      />
      {(replies.length > 0 || pending.length > 0 || replying || missing > 0) && (
        <div className={styles.replies}>
          {missing > 0 && (
            <Button look="quiet" onClick={() => void loadReplies()}>
              {countOf(missing, "earlier reply", "earlier replies")}
            </Button>
          )}
          <ul>
            {replies.map((reply) => (
              <li key={reply.id}>
                <CommentItem comment={reply} {...shared} pinned={reply.id === pinnedId} />
              </li>
            ))}
            {pending.map((comment) => (
              <PendingItem key={comment.key} comment={comment} room={room} />
            ))}
          </ul>
          {replying && (
            <ReplyForm
              to={head.user.display_name}
              lengthMax={lengthMax}
              onClose={() => setReplying(false)}
              onSend={(text) => {
                room.send({ text, atMs: null, parentId: head.id });
                setReplying(false);
              }}
            />
          )}
        </div>
      )}
    </li>
  );
}
