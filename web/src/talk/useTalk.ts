/** What the signed-in user may do in a room, and what they must wait for. */
import { useEffect, useState } from "react";
import { readChat, readPoll } from "../api/chat";
import { useUser } from "../api/session";
import { connection } from "../realtime/connection";
import type { TimedOutNotice } from "../realtime/frames";
import type { RoomState } from "../realtime/roomState";
import type { RoomStore } from "../realtime/roomStore";

export interface Talk {
  moderator: boolean;
  emoji: string[];
}

const nobody: Talk = { moderator: false, emoji: [] };

export function useTalk(room: RoomStore, state: RoomState): Talk {
  const userId = useUser()?.id ?? null;
  const [talk, setTalk] = useState(nobody);
  const pollId = state.poll?.id ?? null;

  useEffect(() => {
    const control = new AbortController();
    readChat(room.room, control.signal).then(
      ({ moderator, emoji, timed_out_until: until }) => {
        setTalk({ moderator, emoji });
        room.hold(until ? { why: "silenced", untilMs: Date.parse(until) } : null);
      },
      () => undefined,
    );
    return () => control.abort();
  }, [room, userId]);

  useEffect(() => {
    return connection.listen({
      notice: ({ kind, data }) => {
        const { video_id: videoId, until } = data as TimedOutNotice;
        if (kind !== "timed_out" || videoId !== room.room) return;
        room.hold(until ? { why: "silenced", untilMs: Date.parse(until) } : null);
      },
    });
  }, [room]);

  // What one chose is said to nobody but oneself, so it is asked for.
  useEffect(() => {
    if (pollId === null || userId === null) return;
    const control = new AbortController();
    readPoll(room.room, pollId, control.signal).then((poll) => room.voted(poll), () => undefined);
    return () => control.abort();
  }, [room, pollId, userId]);

  return talk;
}
