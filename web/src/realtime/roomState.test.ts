import { describe, expect, it } from "vitest";
import type { Chat, Comment, Poll } from "../api/types";
import type { JoinOk, RoomEvent } from "./frames";
import { emptyRoom, reduceRoom, type RoomAction, type RoomState } from "./roomState";

const counts = { views: 0, likes: 0, dislikes: 0, comments: 0, viewers: 1 };

const comment = (n: number, parent: string | null = null): Comment => ({
  id: `c${n}`,
  video_id: "v",
  user: { id: "u", username: "u", display_name: "U", avatar_url: null },
  text: `comment ${n}`,
  at_ms: null,
  parent_id: parent,
  created_at: new Date(n * 1000).toISOString(),
  edited_at: null,
  likes: 0,
  replies: 0,
});

const limits = { frame_bytes_max: 16_384, comment_len_max: 2000, rooms_max: 16, comments_per_minute: 30 };

const chat: Chat = { slow_mode_s: 0, pinned: null, poll: null };

const join = (offset: number, comments: Comment[], recovered = false, removed: string[] = []): RoomAction => ({
  type: "joined",
  ok: { room: "v", epoch: "e1", offset, recovered, counts, comments, removed, edited: [], chat, limits } satisfies JoinOk,
});
const arrived = (offset: number, ...items: Comment[]): RoomAction => event({ ev: "comments", room: "v", offset, items });
const removed = (offset: number, ...ids: string[]): RoomAction => event({ ev: "removed", room: "v", offset, ids });
const event = (frame: RoomEvent): RoomAction => ({ type: "event", event: frame });

const after = (...actions: RoomAction[]): RoomState => actions.reduce(reduceRoom, emptyRoom);
const ids = (state: RoomState) => state.comments.map(({ id }) => id);

describe("a room", () => {
  it("starts with its snapshot and follows what comes", () => {
    const state = after(join(2, [comment(1), comment(2)]), arrived(4, comment(3), comment(4)));
    expect(ids(state)).toEqual(["c1", "c2", "c3", "c4"]);
    expect(state.position).toEqual({ epoch: "e1", offset: 4 });
    expect(state.phase).toBe("live");
  });

  it("ignores events before the snapshot", () => {
    expect(after(arrived(1, comment(1)))).toBe(emptyRoom);
  });

  it("takes an event that comes twice once", () => {
    const state = after(join(1, [comment(1)]), arrived(2, comment(2)), arrived(2, comment(2)));
    expect(ids(state)).toEqual(["c1", "c2"]);
    expect(state.position?.offset).toBe(2);
  });

  it("takes from an overlapping event only what is new", () => {
    const state = after(join(2, [comment(2)]), arrived(3, comment(2), comment(3)));
    expect(ids(state)).toEqual(["c2", "c3"]);
    expect(state.behind).toBe(false);
  });

  it("asks for a resume at a gap and shows nothing out of order", () => {
    const state = after(join(1, [comment(1)]), arrived(3, comment(3)), arrived(4, comment(4)));
    expect(state.behind).toBe(true);
    expect(ids(state)).toEqual(["c1"]);
    expect(state.position?.offset).toBe(1);
  });

  it("fills the gap when it resumes", () => {
    const missed = [comment(2), comment(3)];
    const state = after(join(1, [comment(1)]), arrived(3, comment(3)), join(3, missed, true), arrived(4, comment(4)));
    expect(ids(state)).toEqual(["c1", "c2", "c3", "c4"]);
    expect(state.behind).toBe(false);
  });

  it("starts afresh where the server cannot resume", () => {
    const state = after(join(1, [comment(1)]), { type: "disconnected" }, join(9, [comment(9)]));
    expect(ids(state)).toEqual(["c9"]);
  });

  it("keeps its place over a lost line", () => {
    const state = after(join(5, [comment(5)]), { type: "disconnected" });
    expect(state.phase).toBe("reconnecting");
    expect(state.position).toEqual({ epoch: "e1", offset: 5 });
  });

  it("drops removed comments with their replies and moves on", () => {
    const state = after(join(3, [comment(1), comment(2, "c1"), comment(3)]), removed(4, "c1"), arrived(5, comment(5)));
    expect(ids(state)).toEqual(["c3", "c5"]);
    expect(state.position?.offset).toBe(5);
  });

  it("drops what was removed while the line was lost", () => {
    const state = after(join(2, [comment(1), comment(2)]), { type: "disconnected" }, join(4, [comment(3)], true, ["c1"]));
    expect(ids(state)).toEqual(["c2", "c3"]);
  });

  it("shows an edited comment in its new words, and no unknown one", () => {
    const edited = { ...comment(1), text: "better" };
    const state = after(join(1, [comment(1)]), event({ ev: "edited", room: "v", offset: 2, items: [edited, comment(7)] }));
    expect(state.comments.map(({ text }) => text)).toEqual(["better"]);
    expect(state.position?.offset).toBe(2);
  });

  it("sees a gap before a removal too", () => {
    expect(after(join(1, [comment(1)]), removed(5, "c1")).behind).toBe(true);
  });

  it("takes the latest counts", () => {
    const state = after(join(0, []), event({ ev: "counts", room: "v", ...counts, likes: 7, viewers: 3 }));
    expect(state.counts).toEqual({ ...counts, likes: 7, viewers: 3 });
  });
});

describe("an own comment", () => {
  const draft = { key: "k", text: "hi", atMs: null, parentId: null, state: "sending", problem: null } as const;

  it("is shown once, whether its answer or its event comes first", () => {
    const sent: RoomAction = { type: "sent", key: "k", comment: comment(1) };
    for (const order of [[sent, arrived(1, comment(1))], [arrived(1, comment(1)), sent]]) {
      const state = after(join(0, []), { type: "sending", comment: draft }, ...order);
      expect(ids(state)).toEqual(["c1"]);
      expect(state.pending).toEqual([]);
      expect(state.position?.offset).toBe(1);
    }
  });

  it("waits through a lost line and says why it failed", () => {
    const waiting = after(join(0, []), { type: "sending", comment: draft }, { type: "disconnected" });
    expect(waiting.pending).toEqual([draft]);
    const failed = reduceRoom(waiting, { type: "sendFailed", key: "k", problem: "too fast" });
    expect(failed.pending[0]).toMatchObject({ state: "failed", problem: "too fast" });
    expect(reduceRoom(failed, { type: "dropped", key: "k" }).pending).toEqual([]);
  });
});

describe("the talk", () => {
  const poll = (votes: number, change: Partial<Poll> = {}): Poll => ({
    id: "p",
    video_id: "v",
    question: "Tea?",
    options: [{ text: "yes", votes }, { text: "no", votes: 0 }],
    votes,
    open: true,
    created_at: new Date(0).toISOString(),
    closed_at: null,
    ...change,
  });
  const shown = (frame: Poll): RoomAction => event({ ev: "poll", room: "v", poll: frame });

  it("follows the rules and takes no offset from them", () => {
    const state = after(join(3, []), event({ ev: "chat", room: "v", slow_mode_s: 30, pinned: comment(1) }));
    expect(state.chat).toEqual({ slow_mode_s: 30, pinned: comment(1) });
    expect(state.position?.offset).toBe(3);
    expect(state.behind).toBe(false);
  });

  it("passes over what it does not know", () => {
    const unknown = { ev: "dance", room: "v", offset: 99 } as unknown as RoomEvent;
    const state = after(join(3, []));
    expect(reduceRoom(state, event(unknown))).toBe(state);
  });

  it("lets go of whom slow mode held when it ends, and of nobody who is silenced", () => {
    const ended = event({ ev: "chat", room: "v", slow_mode_s: 0, pinned: null });
    const held = (why: "slow" | "silenced") => after(join(0, []), { type: "held", hold: { why, untilMs: 9 } }, ended).hold;
    expect(held("slow")).toBeNull();
    expect(held("silenced")).toEqual({ why: "silenced", untilMs: 9 });
  });

  it("keeps one's own vote when the results come", () => {
    const state = after(join(0, []), shown(poll(1)), { type: "voted", poll: poll(2, { vote: 0 }) }, shown(poll(5)));
    expect(state.poll).toMatchObject({ votes: 5, vote: 0 });
  });

  it("does not open a closed poll again for an answer that is late", () => {
    const state = after(join(0, []), shown(poll(2, { open: false })), { type: "voted", poll: poll(1, { vote: 1 }) });
    expect(state.poll).toMatchObject({ open: false, votes: 2, vote: 1 });
  });

  it("keeps the results until they are put away, and an open poll in any case", () => {
    const put: RoomAction = { type: "pollPutAway" };
    expect(after(join(0, []), shown(poll(2)), put).poll?.votes).toBe(2);
    expect(after(join(0, []), shown(poll(2, { open: false })), put).poll).toBeNull();
  });

  it("shows what was edited while the line was lost", () => {
    const edited = { ...comment(1), text: "better" };
    const back: RoomAction = {
      type: "joined",
      ok: { room: "v", epoch: "e1", offset: 2, recovered: true, counts, comments: [], removed: [], edited: [edited], chat, limits },
    };
    expect(after(join(1, [comment(1)]), back).comments[0]?.text).toBe("better");
  });
});
