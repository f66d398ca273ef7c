import { useState } from "react";
import { useUser } from "../../api/session";
import type { Reaction, Video } from "../../api/types";
import { putReaction } from "../../api/videos";
import { navigate } from "../../lib/router";
import { useLatest } from "../../lib/useLatest";
import { react, type ReactionView } from "../../lib/reactions";
import type { Counts } from "../../realtime/frames";

interface Own {
  view: ReactionView;
  /** The live counts when this was known: newer ones win over it, but not while the server is still deciding. */
  knownWith: Counts | null;
  settled: boolean;
}

/** The reaction is shown at once and taken back if the server refuses it. */
export function useReaction(video: Video, counts: Counts | null) {
  const user = useUser();
  const [own, setOwn] = useState<Own | null>(null);
  const [problem, setProblem] = useState<Error | null>(null);
  const latestCounts = useLatest(counts);
  const { likes, dislikes } = counts ?? video;
  const reaction = own?.view.reaction ?? video.reaction;
  const overtaken = own?.settled && counts !== own.knownWith;
  const view = own && !overtaken ? own.view : { likes, dislikes, reaction };

  async function choose(next: Reaction) {
    if (!user) {
      navigate(`/sign-in?next=${encodeURIComponent(location.pathname)}`);
      return;
    }
    const before = view;
    setProblem(null);
    setOwn({ view: react(view, next), knownWith: counts, settled: false });
    try {
      const answer = await putReaction(video.id, next);
      setOwn({ view: answer, knownWith: latestCounts.current, settled: true });
    } catch (error) {
      setProblem(error as Error);
      setOwn({ view: before, knownWith: null, settled: true });
    }
  }

  return { view, choose: (next: Reaction) => void choose(next), problem };
}
