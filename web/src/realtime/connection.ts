/**
 * The one socket of this tab. Opens while somebody needs it, signs in, matches answers to questions, notices a dead
 * line, and comes back with jitter. Knows no rooms: they listen and rejoin by themselves (`roomStore.ts`).
 */
import { currentAccessToken, freshAccessToken, onSessionChange } from "../api/session";
import { backoffMs } from "./backoff";
import {
  closeCodes,
  type ByeEvent,
  type NoticeEvent,
  type Operation,
  type ProblemBody,
  type RoomEvent,
  type ServerFrame,
} from "./frames";

/** The server's refusal, or `disconnected` when the line broke before an answer came. */
export class RealtimeError extends Error {
  readonly code: string;
  readonly retryAfterMs: number | null;

  constructor(problem: ProblemBody) {
    super(problem.detail);
    this.code = problem.code;
    this.retryAfterMs = problem.retry_after_ms ?? null;
  }
}

export interface Listener {
  opened?: () => void;
  lost?: () => void;
  room?: (event: RoomEvent) => void;
  notice?: (event: NoticeEvent) => void;
}

interface Waiting {
  resolve: (ok: unknown) => void;
  reject: (error: RealtimeError) => void;
  timer: ReturnType<typeof setTimeout>;
}

const answerWithinMs = 10_000;
const pingEveryMs = 20_000;
const lingerMs = 3_000;
const tooManyWaitMs = 30_000;

export class Connection {
  private socket: WebSocket | null = null;
  private ready = false;
  private nextId = 1;
  private attempt = 0;
  private returnAfterMs: number | null = null;
  private sentToken: string | null = null;
  private readonly waiting = new Map<number, Waiting>();
  private readonly listeners = new Set<Listener>();
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private pingTimer: ReturnType<typeof setInterval> | undefined;
  private lingerTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly url: () => string) {
    onSessionChange(() => this.sessionChanged());
    addEventListener("online", () => this.connectNow());
    addEventListener("pageshow", () => this.connectNow());
  }

  /** Keeps the line open as long as somebody listens. */
  listen(listener: Listener): () => void {
    clearTimeout(this.lingerTimer);
    this.listeners.add(listener);
    if (this.ready) listener.opened?.();
    else this.connectNow();
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size === 0) this.lingerTimer = setTimeout(() => this.close(), lingerMs);
    };
  }

  isOpen(): boolean {
    return this.ready;
  }

  request<T>(operation: Operation): Promise<T> {
    if (!this.ready) return Promise.reject(disconnected());
    return this.ask<T>(operation);
  }

  private ask<T>(operation: Operation): Promise<T> {
    const socket = this.socket;
    if (!socket || socket.readyState !== WebSocket.OPEN) return Promise.reject(disconnected());
    const id = this.nextId++;
    return new Promise<T>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.delete(id);
        reject(disconnected());
        socket.close();
        this.dropped(socket, closeCodes.goingAway);
      }, answerWithinMs);
      this.waiting.set(id, { resolve: (ok) => resolve(ok as T), reject, timer });
      socket.send(JSON.stringify({ id, ...operation }));
    });
  }

  private connectNow(): void {
    if (this.socket || this.listeners.size === 0) return;
    clearTimeout(this.retryTimer);
    const socket = new WebSocket(this.url(), ["playhouse.v1.json"]);
    this.socket = socket;
    socket.addEventListener("open", () => void this.opened(socket));
    socket.addEventListener("message", ({ data }) => this.received(String(data)));
    socket.addEventListener("close", ({ code }) => this.dropped(socket, code));
  }

  private async opened(socket: WebSocket): Promise<void> {
    await this.authenticate();
    if (this.socket !== socket || socket.readyState !== WebSocket.OPEN) return;
    this.ready = true;
    this.attempt = 0;
    clearInterval(this.pingTimer);
    this.pingTimer = setInterval(() => void this.ask({ op: "ping" }).catch(() => undefined), pingEveryMs);
    for (const listener of this.listeners) listener.opened?.();
  }

  /** A guest stays a guest; a refused token is renewed once, and after that the line is used for reading. */
  private async authenticate(): Promise<void> {
    const token = await freshAccessToken().catch(() => null);
    if (!token) return;
    try {
      await this.present(token);
    } catch (error) {
      if (error instanceof RealtimeError && error.code === "disconnected") return;
      const renewed = await freshAccessToken(token).catch(() => null);
      if (renewed) await this.present(renewed).catch(() => undefined);
    }
  }

  private async present(token: string): Promise<void> {
    this.sentToken = token;
    await this.ask({ op: "auth", access_token: token });
  }

  /** A new token is shown to the server; who signs out or becomes someone else gets a new line. */
  private sessionChanged(): void {
    if (!this.ready) return;
    const token = currentAccessToken();
    if (token === this.sentToken) return;
    if (token && this.sentToken) {
      this.present(token).catch(() => undefined);
      return;
    }
    if (token) {
      this.present(token).then(
        () => this.listeners.forEach((listener) => listener.opened?.()),
        () => undefined,
      );
      return;
    }
    this.returnAfterMs = 0;
    this.socket?.close();
  }

  private received(text: string): void {
    const frame = JSON.parse(text) as ServerFrame;
    if ("re" in frame) {
      this.answered(frame.re, frame);
      return;
    }
    if (frame.ev === "bye") this.saidGoodbye(frame);
    else if (frame.ev === "notice") for (const listener of this.listeners) listener.notice?.(frame);
    else for (const listener of this.listeners) listener.room?.(frame);
  }

  private answered(id: number, frame: { ok: unknown } | { problem: ProblemBody }): void {
    const waiting = this.waiting.get(id);
    if (!waiting) return;
    this.waiting.delete(id);
    clearTimeout(waiting.timer);
    if ("problem" in frame) waiting.reject(new RealtimeError(frame.problem));
    else waiting.resolve(frame.ok);
  }

  private saidGoodbye(bye: ByeEvent): void {
    this.returnAfterMs = bye.reconnect_after_ms ?? null;
  }

  private dropped(socket: WebSocket, code: number): void {
    if (this.socket !== socket) return;
    this.socket = null;
    this.ready = false;
    this.sentToken = null;
    clearInterval(this.pingTimer);
    for (const { reject, timer } of this.waiting.values()) {
      clearTimeout(timer);
      reject(disconnected());
    }
    this.waiting.clear();
    for (const listener of this.listeners) listener.lost?.();
    this.comeBack(code);
  }

  private comeBack(code: number): void {
    const asked = this.returnAfterMs ?? (code === closeCodes.tooMany ? tooManyWaitMs : null);
    this.returnAfterMs = null;
    const waitMs = asked === null ? backoffMs(this.attempt, Math.random) : asked * (1 + Math.random() / 2);
    this.attempt += 1;
    clearTimeout(this.retryTimer);
    if (this.listeners.size > 0) this.retryTimer = setTimeout(() => this.connectNow(), waitMs);
  }

  private close(): void {
    clearTimeout(this.retryTimer);
    this.socket?.close(1000);
  }
}

function disconnected(): RealtimeError {
  return new RealtimeError({ code: "disconnected", detail: "The connection was lost." });
}

export const connection = new Connection(() => `${location.origin.replace(/^http/, "ws")}/api/v1/ws`);
