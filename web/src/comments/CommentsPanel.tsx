/** The talk beside a video: who is here, a place to write, and what was said, newest thread first. */
import { useMemo, useRef } from "react";
import { useUser } from "../api/session";
import { Button } from "../components/Button";
import { ButtonLink } from "../components/Button";
import { ErrorNote } from "../components/ErrorNote";
import { Icon } from "../components/Icon";
import { countOf, formatCount } from "../lib/numbers";
import { buildThreads } from "../lib/threads";
import { useNow } from "../lib/useNow";
import type { RoomState } from "../realtime/roomState";
import type { RoomStore } from "../realtime/roomStore";
import { BurstBar } from "../talk/BurstBar";
import { CallNote } from "../talk/CallNote";
import { ModeratorBar } from "../talk/ModeratorBar";
import { Moment } from "../talk/Moment";
import { PinnedComment } from "../talk/PinnedComment";
import { PollCard } from "../talk/PollCard";
import { useTalk } from "../talk/useTalk";
import { Announcer } from "./Announcer";
import { CommentComposer } from "./CommentComposer";
import { CommentThread } from "./CommentThread";
import styles from "./CommentsPanel.module.css";
import { ConnectionNote } from "./ConnectionNote";
import { PendingItem } from "./PendingItem";
import { useOlderComments } from "./useOlderComments";
import { useUnseen } from "./useUnseen";

interface CommentsPanelProps {
  room: RoomStore;
  state: RoomState;
  media: HTMLVideoElement | null;
  durationMs: number | null;
  onSeek: (positionMs: number) => void;
}

export function CommentsPanel({ room, state, media, durationMs, onSeek }: CommentsPanelProps) {
  const user = useUser();
  const talk = useTalk(room, state);
  const now = useNow();
  const list = useRef<HTMLDivElement>(null);
  const threads = useMemo(() => buildThreads(state.comments), [state.comments]);
  const older = useOlderComments(room, state);
  const unseen = useUnseen(list, threads[0]?.head.id ?? null, threads.length);
  const pending = state.pending.filter(({ parentId }) => parentId === null);
  const total = state.counts?.comments ?? state.comments.length;

  return (
    <section className={styles.panel} aria-label="Comments">
      <header className={styles.head}>
        <h2>
          Comments <span className={styles.total}>{formatCount(total)}</span>
        </h2>
        {state.counts && (
          <p className={styles.viewers} data-testid="viewers">
            <i aria-hidden="true" />
            {countOf(state.counts.viewers, "watching", "watching")}
          </p>
        )}
      </header>
      <ConnectionNote state={state} />
      <CallNote videoId={room.room} />
      {talk.moderator && (
        <ModeratorBar videoId={room.room} slowModeS={state.chat.slow_mode_s} pollOpen={state.poll?.open ?? false} />
      )}
      {state.chat.pinned && (
        <PinnedComment comment={state.chat.pinned} moderator={talk.moderator} durationMs={durationMs} onSeek={onSeek} />
      )}
      {state.poll && <PollCard key={state.poll.id} poll={state.poll} room={room} moderator={talk.moderator} />}
      <Moment videoId={room.room} media={media} durationMs={durationMs} removed={state.removed} onSeek={onSeek} />
      {user ? (
        <CommentComposer
          media={media}
          lengthMax={state.limits?.comment_len_max ?? 2000}
          hold={talk.moderator && state.hold?.why === "slow" ? null : state.hold}
          slowModeS={talk.moderator ? 0 : state.chat.slow_mode_s}
          onSend={(text, atMs) => room.send({ text, atMs, parentId: null })}
        />
      ) : (
        <p className={styles.guest}>
          <span>Join the conversation.</span>
          <ButtonLink to={`/sign-in?next=${encodeURIComponent(location.pathname)}`}>Sign in</ButtonLink>
        </p>
      )}
      <BurstBar room={room} emoji={talk.emoji} />
      <div className={styles.scroller}>
        {unseen.count > 0 && (
          <button type="button" className={styles.unseen} onClick={unseen.show}>
            <Icon name="arrowUp" size={16} /> {countOf(unseen.count, "new comment")}
          </button>
        )}
        {/* A region that scrolls must be reachable by keyboard. */}
        <div ref={list} className={styles.list} tabIndex={0} role="group" aria-label="All comments" onScroll={unseen.scrolled}>
          <ul>
            {pending.toReversed().map((comment) => (
              <PendingItem key={comment.key} comment={comment} room={room} />
            ))}
            {threads.map((thread) => (
              <CommentThread
                key={thread.head.id}
                thread={thread}
                room={room}
                state={state}
                now={now}
                durationMs={durationMs}
                moderator={talk.moderator}
                onSeek={onSeek}
              />
            ))}
          </ul>
          {threads.length === 0 && pending.length === 0 && state.phase === "live" && (
            <p className={styles.none}>Nobody has said anything yet.</p>
          )}
          {older.available && (
            <p className={styles.more}>
              <Button look="quiet" busy={older.busy} onClick={older.load}>
                Older comments
              </Button>
            </p>
          )}
          {older.error && <ErrorNote error={older.error} />}
        </div>
      </div>
      <Announcer comments={state.comments} ownId={user?.id ?? null} />
    </section>
  );
}
