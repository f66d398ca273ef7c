import { useState } from "react";
import { setSubscribed } from "../api/channels";
import { useUser } from "../api/session";
import type { Channel } from "../api/types";
import { navigate } from "../lib/router";
import { Button } from "./Button";
import { Icon } from "./Icon";

interface SubscribeButtonProps {
  channel: Channel;
  onChange: (channel: Channel) => void;
}

/** Shown changed at once, put back if the server refuses. Nobody subscribes to themselves. */
export function SubscribeButton({ channel, onChange }: SubscribeButtonProps) {
  const user = useUser();
  const [busy, setBusy] = useState(false);
  if (user?.channel_id === channel.id) return null;

  async function toggle() {
    if (!user) {
      navigate(`/sign-in?next=${encodeURIComponent(location.pathname)}`);
      return;
    }
    const subscribed = !channel.subscribed;
    setBusy(true);
    onChange({ ...channel, subscribed, subscribers: channel.subscribers + (subscribed ? 1 : -1) });
    await setSubscribed(channel.id, subscribed).catch(() => onChange(channel));
    setBusy(false);
  }

  return (
    <Button look={channel.subscribed ? "plain" : "primary"} aria-pressed={channel.subscribed} busy={busy} onClick={() => void toggle()}>
      {channel.subscribed && <Icon name="check" size={18} />}
      {channel.subscribed ? "Subscribed" : "Subscribe"}
    </Button>
  );
}
