import { useState } from "react";
import { listComments } from "../api/comments";
import type { RoomState } from "../realtime/roomState";
import type { RoomStore } from "../realtime/roomStore";

/** Pages back beyond the snapshot. The first page overlaps it, and the room knows doubles. */
export function useOlderComments(room: RoomStore, state: RoomState) {
  const [cursor, setCursor] = useState<string | null>(null);
  const [ended, setEnded] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const total = state.counts?.comments ?? 0;

  async function load() {
    setBusy(true);
    setError(null);
    try {
      const page = await listComments(room.room, { cursor });
      room.addOlder(page.items);
      setCursor(page.next_cursor ?? null);
      setEnded(!page.next_cursor);
    } catch (reason) {
      setError(reason as Error);
    }
    setBusy(false);
  }

  return { available: !ended && state.comments.length < total, busy, error, load: () => void load() };
}
