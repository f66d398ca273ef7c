/** A clip cut from the fetched ones, so that a test need not wait for a minute of film to be made. */
import { execFileSync } from "node:child_process";
import path from "node:path";
import { trailer } from "./people.mjs";

/** Two qualities of it are enough to switch between. */
export const shortLadder = { PLAYHOUSE__MEDIA__LADDER: "480,360" };

/** The trailer's first seconds, small: made in a blink, and played as they are. */
export function shortClip(folder, seconds) {
  const file = path.join(folder, "short.mp4");
  const picture = "-vf scale=854:480 -c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 96".split(" ");
  execFileSync("ffmpeg", ["-v", "error", "-i", trailer, "-t", String(seconds), ...picture, "-c:a", "aac", file]);
  return file;
}
