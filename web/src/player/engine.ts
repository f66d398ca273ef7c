/**
 * Drives one <video> with hls.js, or with the browser's own HLS where Media Source Extensions are missing.
 * hls.js reads a master playlist once; `refresh` lets a second instance read it again and take over the buffers.
 */
import Hls, { Events, ErrorTypes, type ErrorData, type HlsConfig } from "hls.js";
import { faultOfMediaError, refusalOf, type Fault } from "./faults";
import { qualitiesOf, rung, type Quality } from "./levels";
import { soundLike, soundsOf, type Sound, type WantedSound } from "./sounds";

export interface EngineState {
  /** Highest first. */
  qualities: Quality[];
  /** What the viewer asked for; null for automatic. */
  chosen: Quality | null;
  /** What plays. */
  current: Quality | null;
  /** In the order of the file. */
  sounds: Sound[];
  /** What is heard. */
  sound: Sound | null;
  fault: Fault | null;
}

export const calm: EngineState = { qualities: [], chosen: null, current: null, sounds: [], sound: null, fault: null };
const recoveriesMax = 3;
/** Few tries, soon: the viewer hears of a broken line while it is broken, and `useReconnect` goes on trying. */
const errorRetry = { maxNumRetry: 2, retryDelayMs: 400, maxRetryDelayMs: 2_000 };
const timeoutRetry = { maxNumRetry: 1, retryDelayMs: 0, maxRetryDelayMs: 0 };
const keptAheadS = 10;
const switchAheadS = 3;
/** A refusal that comes again this soon after new addresses is no matter of addresses. */
const staleAgainMs = 20_000;

export class Engine {
  private hls: Hls | null = null;
  private successor: Hls | null = null;
  private state: EngineState = calm;
  private wantedHeight: number | null = null;
  private recoveries = 0;
  private inheritedUntilS = 0;
  private url: string | null = null;
  private staleAtMs = Number.NEGATIVE_INFINITY;
  private wantsToPlay = false;
  private native: AbortController | null = null;

  /** Plays from `startS` the first time, with the sound that was wanted last time. */
  constructor(
    private readonly video: HTMLVideoElement,
    private startS: number,
    private wantedSound: WantedSound | null,
    private readonly changed: (state: EngineState) => void,
  ) {}

  /** An address of the video: the first, or one that took its place, or the same once more after a fault. */
  change(url: string): void {
    if (this.url === null || this.state.fault !== null) this.load(url);
    else if (this.url !== url) this.refresh(url);
  }

  /** Somebody wants it tried again: what went before does not count. */
  retry(url: string): void {
    this.staleAtMs = Number.NEGATIVE_INFINITY;
    if (this.state.fault !== "network" || !this.hls?.levels.length) {
      this.load(url);
      return;
    }
    // What is buffered stays, so that a short break of the line is none of the picture.
    this.publish({ ...this.state, fault: null });
    this.hls.startLoad();
  }

  /** Begins, or begins again where it stopped. */
  private load(url: string): void {
    const again = this.url !== null;
    const startS = this.video.currentTime || this.startS;
    const wasPlaying = again && this.wantsToPlay;
    this.url = url;
    this.startS = startS;
    this.stop();
    this.recoveries = 0;
    this.inheritedUntilS = 0;
    this.publish(calm);
    // Chromium's own HLS answers "maybe" as well, so Media Source Extensions are asked first.
    if (Hls.isSupported()) this.loadWithHls(url, startS);
    else if (this.video.canPlayType("application/vnd.apple.mpegurl")) this.loadNatively(url, startS);
    else this.publish({ ...this.state, fault: "unsupported" });
    if (wasPlaying) this.video.play().catch(() => undefined);
  }

  /** Reads the master playlist again; what plays goes on, and new qualities appear when it is read. */
  refresh(url: string): void {
    this.url = url;
    if (!this.hls) return;
    this.successor?.destroy();
    const next = this.create({ autoStartLoad: false });
    this.successor = next;
    next.once(Events.MANIFEST_PARSED, () => this.handOver(next));
    next.once(Events.ERROR, (_event, data) => {
      if (!data.fatal || this.successor !== next) return;
      this.successor = null;
      next.destroy();
    });
    next.loadSource(url);
  }

  /** A height, or null for automatic. */
  choose(height: number | null): void {
    this.wantedHeight = height;
    if (!this.hls) return;
    this.hls.nextLevel = this.levelOf(this.hls, height);
    if (this.video.currentTime < this.inheritedUntilS) this.dropAhead(this.hls, switchAheadS);
    this.publishLevels(this.hls);
  }

  chooseSound(wanted: WantedSound): void {
    this.wantedSound = wanted;
    if (this.hls) this.soundsKnown(this.hls);
  }

  destroy(): void {
    this.stop();
    this.video.removeAttribute("src");
    this.video.load();
  }

  private loadWithHls(url: string, startS: number): void {
    const hls = this.create({ startPosition: startS });
    hls.loadSource(url);
    hls.attachMedia(this.video);
    this.adopt(hls);
  }

  private loadNatively(url: string, startS: number): void {
    const { video } = this;
    this.native = new AbortController();
    const { signal } = this.native;
    video.addEventListener("loadedmetadata", () => (video.currentTime = startS), { once: true, signal });
    video.addEventListener("error", () => this.giveUp(faultOfMediaError(video.error?.code)), { signal });
    video.src = url;
  }

  private create(config: Partial<HlsConfig>): Hls {
    const policy = { default: { maxTimeToFirstByteMs: 10_000, maxLoadTimeMs: 60_000, errorRetry, timeoutRetry } };
    return new Hls({
      backBufferLength: 60,
      maxBufferLength: 30,
      capLevelToPlayerSize: false,
      manifestLoadPolicy: policy,
      playlistLoadPolicy: policy,
      fragLoadPolicy: policy,
      // Captions come as files beside the stream, the same way in every browser.
      subtitleTrackController: undefined,
      subtitleStreamController: undefined,
      ...config,
    });
  }

  private adopt(hls: Hls): void {
    this.hls = hls;
    hls.on(Events.MANIFEST_PARSED, () => this.levelsKnown(hls));
    hls.on(Events.LEVEL_SWITCHED, () => this.publishLevels(hls));
    hls.on(Events.AUDIO_TRACKS_UPDATED, () => this.soundsKnown(hls));
    hls.on(Events.AUDIO_TRACK_SWITCHED, () => this.publishSounds(hls));
    hls.on(Events.FRAG_BUFFERED, () => {
      this.recoveries = 0;
    });
    hls.on(Events.ERROR, (_event, data) => this.failed(hls, data));
  }

  private handOver(next: Hls): void {
    const before = this.hls;
    if (this.successor !== next || !before) return;
    this.successor = null;
    const source = before.transferMedia();
    before.destroy();
    this.adopt(next);
    next.once(Events.BUFFER_CREATED, () => this.dropAhead(next, keptAheadS));
    next.attachMedia(source ?? this.video);
    next.startLoad(this.video.currentTime);
    this.levelsKnown(next);
    this.soundsKnown(next);
  }

  /**
   * What was buffered by a predecessor is fetched anew: its successor knows nothing of it and would never replace it.
   * The cut is inside a segment, because hls.js takes a short rest of one for the whole and would leave a hole.
   */
  private dropAhead(hls: Hls, aheadS: number): void {
    // Segments are aligned over all qualities, so any playlist that is loaded will do.
    const fragments = hls.levels.find(({ details }) => details)?.details?.fragments ?? [];
    const first = fragments.find(({ start }) => start >= this.video.currentTime + aheadS);
    if (!first) return;
    this.inheritedUntilS = first.start + first.duration / 4;
    const endOffset = Number.POSITIVE_INFINITY;
    hls.trigger(Events.BUFFER_FLUSHING, { startOffset: this.inheritedUntilS, endOffset, type: null });
  }

  private levelsKnown(hls: Hls): void {
    if (this.wantedHeight !== null) hls.nextLevel = this.levelOf(hls, this.wantedHeight);
    this.publishLevels(hls);
  }

  private levelOf(hls: Hls, height: number | null): number {
    if (height === null) return -1;
    return qualitiesOf(hls.levels).find((quality) => quality.height === height)?.index ?? -1;
  }

  /** Until somebody chooses, the stream's own default is heard. */
  private soundsKnown(hls: Hls): void {
    const wanted = soundLike(soundsOf(hls.audioTracks), this.wantedSound);
    if (wanted && wanted.index !== hls.audioTrack) hls.audioTrack = wanted.index;
    this.publishSounds(hls);
  }

  private publishSounds(hls: Hls): void {
    if (this.hls !== hls) return;
    const sounds = soundsOf(hls.audioTracks);
    this.publish({ ...this.state, sounds, sound: sounds[hls.audioTrack] ?? null });
  }

  private publishLevels(hls: Hls): void {
    if (this.hls !== hls) return;
    const qualities = qualitiesOf(hls.levels);
    const playing = hls.currentLevel >= 0 ? hls.currentLevel : hls.loadLevel;
    const level = hls.levels[playing];
    const current = (level && qualities.find(({ height }) => height === rung(level))) ?? null;
    const chosen = qualities.find(({ height }) => height === this.wantedHeight) ?? null;
    this.publish({ ...this.state, qualities, chosen, current });
  }

  private failed(hls: Hls, data: ErrorData): void {
    if (!data.fatal || this.hls !== hls) return;
    const refusal = refusalOf(data.response?.code ?? 0);
    if (refusal) this.refused(refusal);
    else if (data.type === ErrorTypes.NETWORK_ERROR) this.giveUp("network");
    else if (data.type === ErrorTypes.MEDIA_ERROR && this.recoveries < recoveriesMax) this.recover(hls);
    else this.giveUp("decode");
  }

  private recover(hls: Hls): void {
    this.recoveries += 1;
    hls.recoverMediaError();
  }

  private refused(refusal: Fault): void {
    const nowMs = performance.now();
    this.giveUp(nowMs - this.staleAtMs < staleAgainMs ? refusal : "stale");
    this.staleAtMs = nowMs;
  }

  private giveUp(fault: Fault): void {
    this.wantsToPlay = !this.video.paused;
    this.hls?.stopLoad();
    this.publish({ ...this.state, fault });
  }

  private stop(): void {
    this.native?.abort();
    this.successor?.destroy();
    this.hls?.destroy();
    this.successor = null;
    this.hls = null;
  }

  private publish(state: EngineState): void {
    this.state = state;
    this.changed(state);
  }
}
