/**
 * Drives one <video> with hls.js, or with the browser's own HLS where Media Source Extensions are missing.
 * hls.js reads a master playlist once; `refresh` lets a second instance read it again and take over the buffers.
 */
import Hls, { Events, ErrorTypes, type ErrorData, type HlsConfig } from "hls.js";

export interface Quality {
  index: number;
  height: number;
  label: string;
}

export interface EngineState {
  /** Highest first. */
  qualities: Quality[];
  /** What the viewer asked for; null for automatic. */
  chosen: Quality | null;
  /** What plays. */
  current: Quality | null;
  fault: Fault | null;
}

/** `stale`: the addresses ended and new ones are needed. */
export type Fault = "stale" | "network" | "media" | "unsupported";

export const calm: EngineState = { qualities: [], chosen: null, current: null, fault: null };
const recoveriesMax = 3;
const retryMs = 1_500;
const keptAheadS = 10;
const switchAheadS = 3;

export class Engine {
  private hls: Hls | null = null;
  private successor: Hls | null = null;
  private state: EngineState = calm;
  private wantedHeight: number | null = null;
  private recoveries = 0;
  private inheritedUntilS = 0;
  private retryTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly changed: (state: EngineState) => void,
  ) {}

  /** Another address of the same video. */
  change(url: string): void {
    if (this.hls && this.state.fault === null) this.refresh(url);
    else this.load(url);
  }

  /** Begins, or begins again where it stopped. */
  load(url: string): void {
    const startS = this.video.currentTime;
    this.stop();
    this.recoveries = 0;
    this.inheritedUntilS = 0;
    this.publish(calm);
    // Chromium's own HLS answers "maybe" as well, so Media Source Extensions are asked first.
    if (Hls.isSupported()) this.loadWithHls(url, startS);
    else if (this.video.canPlayType("application/vnd.apple.mpegurl")) this.loadNatively(url, startS);
    else this.publish({ ...this.state, fault: "unsupported" });
  }

  /** Reads the master playlist again; what plays goes on, and new qualities appear when it is read. */
  refresh(url: string): void {
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
    this.video.src = url;
    this.video.addEventListener("loadedmetadata", () => (this.video.currentTime = startS), { once: true });
  }

  private create(config: Partial<HlsConfig>): Hls {
    return new Hls({ backBufferLength: 60, maxBufferLength: 30, capLevelToPlayerSize: false, ...config });
  }

  private adopt(hls: Hls): void {
    this.hls = hls;
    hls.on(Events.MANIFEST_PARSED, () => this.levelsKnown(hls));
    hls.on(Events.LEVEL_SWITCHED, () => this.publishLevels(hls));
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
    return hls.levels.findIndex((level) => rung(level) === height);
  }

  private publishLevels(hls: Hls): void {
    if (this.hls !== hls) return;
    const qualities = hls.levels
      .map((level, index) => ({ index, height: rung(level), label: labelOf(level) }))
      .toSorted((a, b) => b.height - a.height);
    const playing = hls.currentLevel >= 0 ? hls.currentLevel : hls.loadLevel;
    const current = qualities.find(({ index }) => index === playing) ?? null;
    const chosen = qualities.find(({ height }) => height === this.wantedHeight) ?? null;
    this.publish({ ...this.state, qualities, chosen, current });
  }

  private failed(hls: Hls, data: ErrorData): void {
    if (!data.fatal || this.hls !== hls) return;
    const status = data.response?.code ?? 0;
    if (status === 401 || status === 403 || status === 404 || status === 410) {
      this.giveUp("stale");
      return;
    }
    this.recoveries += 1;
    if (this.recoveries > recoveriesMax) this.giveUp(data.type === ErrorTypes.NETWORK_ERROR ? "network" : "media");
    else if (data.type === ErrorTypes.NETWORK_ERROR) this.retryTimer = setTimeout(() => hls.startLoad(), retryMs);
    else if (data.type === ErrorTypes.MEDIA_ERROR) hls.recoverMediaError();
    else this.giveUp("media");
  }

  private giveUp(fault: Fault): void {
    this.hls?.stopLoad();
    this.publish({ ...this.state, fault });
  }

  private stop(): void {
    clearTimeout(this.retryTimer);
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

interface Sized {
  width: number;
  height: number;
  frameRate: number;
}

/** A rung is named by its short side, so that an upright video has its usual names too. */
function rung({ width, height }: Sized): number {
  return width > 0 ? Math.min(width, height) : height;
}

function labelOf(level: Sized): string {
  const name = rung(level) > 0 ? `${rung(level)}p` : "Audio";
  return level.frameRate > 32 ? `${name}${Math.round(level.frameRate)}` : name;
}
