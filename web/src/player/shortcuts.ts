/** The keys of the player, in one table: `keys` for the help page, `act` for the listener. */
import {
  seekBy,
  seekTo,
  setVolume,
  stepRate,
  toggleFullscreen,
  toggleMute,
  togglePictureInPicture,
  togglePlay,
} from "./controls";

export interface ShortcutTarget {
  video: HTMLVideoElement;
  frame: HTMLElement;
  toggleTheatre: () => void;
  toggleLoop: () => void;
  toggleCaptions: () => void;
  toggleHelp: () => void;
}

interface Shortcut {
  keys: string[];
  shown: string[];
  does: string;
  act: (target: ShortcutTarget, key: string) => void;
}

export const shortcuts: Shortcut[] = [
  { keys: [" ", "k"], shown: ["Space", "K"], does: "Play or pause", act: ({ video }) => togglePlay(video) },
  { keys: ["j"], shown: ["J"], does: "Back 10 seconds", act: ({ video }) => seekBy(video, -10) },
  { keys: ["l"], shown: ["L"], does: "Forward 10 seconds", act: ({ video }) => seekBy(video, 10) },
  { keys: ["arrowleft"], shown: ["←"], does: "Back 5 seconds", act: ({ video }) => seekBy(video, -5) },
  { keys: ["arrowright"], shown: ["→"], does: "Forward 5 seconds", act: ({ video }) => seekBy(video, 5) },
  { keys: ["arrowup"], shown: ["↑"], does: "Louder", act: ({ video }) => setVolume(video, video.volume + 0.05) },
  { keys: ["arrowdown"], shown: ["↓"], does: "Quieter", act: ({ video }) => setVolume(video, video.volume - 0.05) },
  { keys: ["m"], shown: ["M"], does: "Mute", act: ({ video }) => toggleMute(video) },
  { keys: ["f"], shown: ["F"], does: "Full screen", act: ({ frame }) => void toggleFullscreen(frame).catch(() => undefined) },
  { keys: ["t"], shown: ["T"], does: "Theatre", act: ({ toggleTheatre }) => toggleTheatre() },
  { keys: ["c"], shown: ["C"], does: "Captions", act: ({ toggleCaptions }) => toggleCaptions() },
  { keys: ["i"], shown: ["I"], does: "Picture in picture", act: ({ video }) => void togglePictureInPicture(video).catch(() => undefined) },
  { keys: ["r"], shown: ["R"], does: "Loop", act: ({ toggleLoop }) => toggleLoop() },
  { keys: Array.from("0123456789"), shown: ["0", "…", "9"], does: "Jump to 0 % … 90 %", act: seekToTenth },
  { keys: ["<"], shown: ["<"], does: "Slower", act: ({ video }) => stepRate(video, -1) },
  { keys: [">"], shown: [">"], does: "Faster", act: ({ video }) => stepRate(video, 1) },
  { keys: ["?"], shown: ["?"], does: "This help", act: ({ toggleHelp }) => toggleHelp() },
];

function seekToTenth({ video }: ShortcutTarget, key: string): void {
  if (Number.isFinite(video.duration)) seekTo(video, (video.duration * Number(key)) / 10);
}

export function findShortcut(key: string): Shortcut | undefined {
  return shortcuts.find(({ keys }) => keys.includes(key.toLowerCase()));
}
