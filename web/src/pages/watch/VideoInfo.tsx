import { useCallback } from "react";
import { chaptersOf } from "../../api/captions";
import { getChannel } from "../../api/channels";
import { useUser } from "../../api/session";
import type { Video } from "../../api/types";
import { Avatar } from "../../components/Avatar";
import { LinkedText } from "../../components/LinkedText";
import { SubscribeButton } from "../../components/SubscribeButton";
import { countOf, formatExact } from "../../lib/numbers";
import { Link } from "../../lib/router";
import { formatAge } from "../../lib/time";
import { useNow } from "../../lib/useNow";
import { useResource } from "../../lib/useResource";
import type { Counts } from "../../realtime/frames";
import { ChapterList } from "./ChapterList";
import { DeleteVideo } from "./DeleteVideo";
import { ReactionButtons } from "./ReactionButtons";
import styles from "./VideoInfo.module.css";

interface VideoInfoProps {
  video: Video;
  counts: Counts | null;
  onSeek: (positionMs: number) => void;
}

export function VideoInfo({ video, counts, onSeek }: VideoInfoProps) {
  const user = useUser();
  const now = useNow();
  const channelId = video.channel.id;
  const channel = useResource(
    useCallback((signal: AbortSignal) => getChannel(channelId, signal), [channelId]),
    user?.id,
  );
  const views = counts?.views ?? video.views;
  const published = video.published_at ?? video.created_at;

  return (
    <>
      <h1 className={styles.title}>{video.title}</h1>
      <div className={styles.bar}>
        <div className={styles.channel}>
          <Avatar name={video.channel.title} color={video.channel.avatar_color} size={42} />
          <p>
            <Link to={`/channel/${channelId}`}>{video.channel.title}</Link>
            <span>{channel.value ? countOf(channel.value.subscribers, "subscriber") : `@${video.channel.handle}`}</span>
          </p>
          {channel.value && (
            <SubscribeButton channel={channel.value} onChange={(changed) => channel.replace(() => changed)} />
          )}
        </div>
        <div className={styles.actions}>
          <ReactionButtons video={video} counts={counts} />
          {user?.channel_id === channelId && <DeleteVideo video={video} />}
        </div>
      </div>
      <section className={styles.about} aria-label="About this video">
        <p className={styles.facts}>
          <span title={formatExact(views)}>{countOf(views, "view")}</span>
          <time dateTime={published} title={new Date(published).toLocaleString()}>
            {formatAge(published, now)}
          </time>
          {video.visibility !== "public" && <span>{video.visibility === "private" ? "Private" : "Unlisted"}</span>}
        </p>
        {video.description && (
          <p className={styles.description}>
            <LinkedText text={video.description} durationMs={video.duration_ms ?? null} onSeek={onSeek} />
          </p>
        )}
        <ChapterList chapters={chaptersOf(video)} onSeek={onSeek} />
        {video.tags.length > 0 && (
          <ul className={styles.tags} aria-label="Tags">
            {video.tags.map((tag) => (
              <li key={tag}>#{tag}</li>
            ))}
          </ul>
        )}
      </section>
    </>
  );
}
