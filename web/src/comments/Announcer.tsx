import { useEffect, useRef, useState } from "react";
import type { Comment } from "../api/types";

const pauseMs = 3_000;

/** Reads new comments of others to screen readers: the latest, and how many more, at a bearable pace. */
export function Announcer({ comments, ownId }: { comments: Comment[]; ownId: string | null }) {
  const [said, setSaid] = useState("");
  const heard = useRef<Set<string> | null>(null);

  useEffect(() => {
    if (heard.current === null) {
      if (comments.length > 0) heard.current = new Set(comments.map(({ id }) => id));
      return;
    }
    const known = heard.current;
    const timer = setTimeout(() => {
      const fresh = comments.filter(({ id, user }) => !known.has(id) && user.id !== ownId);
      for (const { id } of comments) known.add(id);
      const last = fresh.at(-1);
      if (!last) return;
      const more = fresh.length > 1 ? ` And ${fresh.length - 1} more.` : "";
      setSaid(`${last.user.display_name}: ${last.text}.${more}`);
    }, pauseMs);
    return () => clearTimeout(timer);
  }, [comments, ownId]);

  return (
    <p className="visually-hidden" aria-live="polite">
      {said}
    </p>
  );
}
