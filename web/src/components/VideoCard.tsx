import type { Video } from "../api/types";
import { countOf, formatExact } from "../lib/numbers";
import { Link } from "../lib/router";
import { formatAge, formatClock, speakClock } from "../lib/time";
import { Avatar } from "./Avatar";
import { PosterImage } from "./PosterImage";
import { StatusBadge } from "./StatusBadge";
import styles from "./VideoCard.module.css";

interface VideoCardProps {
  video: Video;
  now: number;
  withChannel?: "shown" | "hidden";
}

export function VideoCard({ video, now, withChannel = "shown" }: VideoCardProps) {
  const { channel, duration_ms: durationMs } = video;
  return (
    <article className={styles.card}>
      <div className={styles.poster}>
        <PosterImage url={video.thumbnails?.poster ?? null} />
        <StatusBadge video={video} />
        {durationMs ? (
          <span className={styles.duration}>
            <span aria-hidden="true">{formatClock(durationMs)}</span>
            <span className="visually-hidden">{speakClock(durationMs)}</span>
          </span>
        ) : null}
      </div>
      <div className={styles.below}>
        {withChannel === "shown" && <Avatar name={channel.title} color={channel.avatar_color} />}
        <div className={styles.words}>
          <h2 className={styles.title}>
            <Link to={`/watch/${video.id}`}>{video.title}</Link>
          </h2>
          {withChannel === "shown" && (
            <p>
              <Link to={`/channel/${channel.id}`} className={styles.channel}>
                {channel.title}
              </Link>
            </p>
          )}
          <p className={styles.facts}>
            <span title={formatExact(video.views)}>{countOf(video.views, "view")}</span>
            <time dateTime={video.published_at ?? video.created_at}>
              {formatAge(video.published_at ?? video.created_at, now)}
            </time>
          </p>
        </div>
      </div>
    </article>
  );
}
