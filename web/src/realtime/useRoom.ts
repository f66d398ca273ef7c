import { useEffect, useMemo, useSyncExternalStore } from "react";
import { RoomStore } from "./roomStore";
import type { RoomState } from "./roomState";

export function useRoom(videoId: string): { room: RoomStore; state: RoomState } {
  const room = useMemo(() => new RoomStore(videoId), [videoId]);
  useEffect(() => room.enter(), [room]);
  return { room, state: useSyncExternalStore(room.subscribe, room.snapshot) };
}
