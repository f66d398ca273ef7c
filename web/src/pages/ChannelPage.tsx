import { useCallback } from "react";
import { getChannel } from "../api/channels";
import { ApiError } from "../api/problem";
import { useUser } from "../api/session";
import { listVideos } from "../api/videos";
import { Avatar } from "../components/Avatar";
import { ButtonLink } from "../components/Button";
import { EmptyState } from "../components/EmptyState";
import { ErrorNote } from "../components/ErrorNote";
import { SkeletonCards } from "../components/SkeletonCards";
import { SubscribeButton } from "../components/SubscribeButton";
import { VideoGrid } from "../components/VideoGrid";
import { countOf } from "../lib/numbers";
import { useDocumentTitle } from "../lib/useDocumentTitle";
import { useResource } from "../lib/useResource";
import styles from "./ChannelPage.module.css";
import { NotFoundPage } from "./NotFoundPage";

export function ChannelPage({ channelId }: { channelId: string }) {
  const user = useUser();
  const channel = useResource(
    useCallback((signal: AbortSignal) => getChannel(channelId, signal), [channelId]),
    user?.id,
  );
  const load = useCallback(
    (cursor: string | null, signal?: AbortSignal) => listVideos({ cursor, channel: channelId }, signal),
    [channelId],
  );
  useDocumentTitle(channel.value?.title ?? null);

  if (channel.error instanceof ApiError && channel.error.status === 404) return <NotFoundPage what="channel" />;
  if (channel.state === "failed") return <ErrorNote error={channel.error} onRetry={channel.reload} />;
  if (channel.state === "loading") return <SkeletonCards />;
  const { title, handle, description, avatar_color: color, subscribers } = channel.value;
  const own = user?.channel_id === channelId;

  return (
    <>
      <div className={styles.head}>
        <Avatar name={title} color={color} size={88} />
        <div className={styles.words}>
          <h1>{title}</h1>
          <p className={styles.facts}>
            @{handle} · {countOf(subscribers, "subscriber")}
          </p>
          {description && <p className={styles.description}>{description}</p>}
        </div>
        <SubscribeButton channel={channel.value} onChange={(changed) => channel.replace(() => changed)} />
      </div>
      <h2 className={styles.heading}>Videos</h2>
      <VideoGrid
        load={load}
        withChannel="hidden"
        empty={
          <EmptyState icon="film" title="No videos yet">
            {own && (
              <ButtonLink look="primary" to="/upload">
                Upload your first
              </ButtonLink>
            )}
          </EmptyState>
        }
      />
    </>
  );
}
