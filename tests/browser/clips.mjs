/** A clip cut from the fetched ones, so that a test need not wait for a minute of film to be made. */
import { execFileSync } from "node:child_process";
import path from "node:path";
import { trailer } from "./people.mjs";

export const tones = [
  { language: "ger", name: "Deutsch", hz: 440 },
  { language: "eng", name: "English", hz: 1000 },
];

/** A picture with a tone in each of two languages. */
export function bilingualClip(folder, seconds) {
  const file = path.join(folder, "bilingual.mp4");
  const picture = ["-f", "lavfi", "-i", `testsrc2=s=640x360:r=25:d=${seconds}`];
  const sounds = tones.flatMap(({ hz }) => ["-f", "lavfi", "-i", `sine=${hz}:r=48000:d=${seconds}`]);
  const maps = ["-map", "0:v", ...tones.flatMap((_, at) => ["-map", `${at + 1}:a`])];
  const languages = tones.flatMap(({ language }, at) => [`-metadata:s:a:${at}`, `language=${language}`]);
  const codecs = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 100 -c:a aac".split(" ");
  execFileSync("ffmpeg", ["-v", "error", ...picture, ...sounds, ...maps, ...languages, ...codecs, file]);
  return file;
}

/** Two qualities of it are enough to switch between. */
export const shortLadder = { PLAYHOUSE__MEDIA__LADDER: "480,360" };

/** The trailer's first seconds, small: made in a blink, and played as they are. */
export function shortClip(folder, seconds) {
  const file = path.join(folder, "short.mp4");
  const picture = "-vf scale=854:480 -c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 96".split(" ");
  execFileSync("ffmpeg", ["-v", "error", "-i", trailer, "-t", String(seconds), ...picture, "-c:a", "aac", file]);
  return file;
}
