/** What a viewer can do with a <video>, for buttons and keys alike. */

export const rates = [0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2];

export function togglePlay(video: HTMLVideoElement): void {
  if (video.paused || video.ended) void video.play().catch(() => undefined);
  else video.pause();
}

export function seekTo(video: HTMLVideoElement, positionS: number): void {
  const endS = Number.isFinite(video.duration) ? video.duration : positionS;
  video.currentTime = Math.min(Math.max(0, positionS), endS);
}

export function seekBy(video: HTMLVideoElement, changeS: number): void {
  seekTo(video, video.currentTime + changeS);
}

export function setVolume(video: HTMLVideoElement, volume: number): void {
  video.volume = Math.min(1, Math.max(0, volume));
  video.muted = video.volume === 0;
}

export function toggleMute(video: HTMLVideoElement): void {
  if (video.muted && video.volume === 0) video.volume = 0.5;
  video.muted = !video.muted;
}

export function stepRate(video: HTMLVideoElement, direction: 1 | -1): void {
  const at = rates.findIndex((rate) => rate >= video.playbackRate - 0.001);
  setRate(video, rates[Math.min(rates.length - 1, Math.max(0, at + direction))] ?? 1);
}

export function setRate(video: HTMLVideoElement, rate: number): void {
  // Loading a source sets the rate back to the default one.
  video.defaultPlaybackRate = rate;
  video.playbackRate = rate;
}

export async function toggleFullscreen(frame: HTMLElement): Promise<void> {
  if (document.fullscreenElement) await document.exitFullscreen();
  else await frame.requestFullscreen();
}

export async function togglePictureInPicture(video: HTMLVideoElement): Promise<void> {
  if (document.pictureInPictureElement) await document.exitPictureInPicture();
  else await video.requestPictureInPicture();
}
