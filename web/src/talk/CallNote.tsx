import { useEffect, useState } from "react";
import { useUser } from "../api/session";
import { Link } from "../lib/router";
import { connection } from "../realtime/connection";
import type { CallNotice } from "../realtime/frames";
import styles from "./CallNote.module.css";

const stayMs = 12_000;

/** Says that somebody called or answered one, on whatever video. */
export function CallNote({ videoId }: { videoId: string }) {
  const userId = useUser()?.id ?? null;
  const [call, setCall] = useState<(CallNotice & { kind: string }) | null>(null);

  useEffect(() => {
    setCall(null);
    if (userId === null) return;
    return connection.listen({
      notice: ({ kind, data }) => {
        if (kind === "mention" || kind === "reply") setCall({ ...(data as CallNotice), kind });
      },
    });
  }, [userId]);
  useEffect(() => {
    if (!call) return;
    const timer = setTimeout(() => setCall(null), stayMs);
    return () => clearTimeout(timer);
  }, [call]);

  return (
    <div role="status" className={styles.note} data-shown={call !== null}>
      {call && (
        <>
          <p>
            <strong>{call.comment.user.display_name}</strong> {call.kind === "reply" ? "answered" : "mentioned"} you:{" "}
            <q>{call.comment.text}</q>
          </p>
          {call.video_id !== videoId && <Link to={`/watch/${call.video_id}`}>Go there</Link>}
          <button type="button" onClick={() => setCall(null)}>
            Put away
          </button>
        </>
      )}
    </div>
  );
}
