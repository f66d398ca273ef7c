/**
 * Who is signed in on this browser. Owns both tokens; everyone else asks `freshAccessToken`.
 *
 * The tokens live in localStorage: a script injected into this page could read them. We accept that, because the
 * page loads nothing foreign, access tokens end after minutes, and a reused refresh token ends its whole family.
 * Tabs share one session, so only the tab that holds the lock refreshes and the others adopt its result.
 */
import { useSyncExternalStore } from "react";
import { readStored, writeStored } from "../lib/storage";
import { problemOf, unreachable } from "./problem";
import type { Tokens, User } from "./types";

interface Session {
  accessToken: string;
  refreshToken: string;
  expiresAtMs: number;
  user: User;
}

const key = "playhouse.session";
const aheadMs = 60_000;
const retryMs = 10_000;

const listeners = new Set<() => void>();
let session = readStored<Session>(key);
let refreshing: Promise<string | null> | null = null;
let timer: ReturnType<typeof setTimeout> | undefined;

export function signedIn(tokens: Tokens): void {
  store({
    accessToken: tokens.access_token,
    refreshToken: tokens.refresh_token,
    expiresAtMs: Date.now() + tokens.expires_in_s * 1000,
    user: tokens.user,
  });
}

export function signedOut(): void {
  store(null);
}

export function userChanged(user: User): void {
  if (session) store({ ...session, user });
}

export function currentUser(): User | null {
  return session?.user ?? null;
}

export function currentAccessToken(): string | null {
  return session?.accessToken ?? null;
}

export function currentRefreshToken(): string | null {
  return session?.refreshToken ?? null;
}

export function onSessionChange(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useUser(): User | null {
  return useSyncExternalStore(onSessionChange, currentUser);
}

/** A token with some life left; null for a guest. `refused` names one that the server no longer takes. */
export async function freshAccessToken(refused?: string): Promise<string | null> {
  if (!session) return null;
  if (usable(session, refused)) return session.accessToken;
  refreshing ??= exclusively(() => refresh(refused)).finally(() => {
    refreshing = null;
  });
  return refreshing;
}

function usable(candidate: Session, refused?: string): boolean {
  return candidate.accessToken !== refused && candidate.expiresAtMs - Date.now() > aheadMs / 2;
}

/** Locks exist on https and localhost only; elsewhere the server's grace for a lost answer covers two tabs. */
function exclusively<T>(work: () => Promise<T>): Promise<T> {
  if (!("locks" in navigator)) return work();
  return navigator.locks.request("playhouse.refresh", work) as Promise<T>;
}

async function refresh(refused?: string): Promise<string | null> {
  adopt(readStored<Session>(key));
  if (!session) return null;
  if (usable(session, refused)) return session.accessToken;
  const response = await fetch("/api/v1/auth/refresh", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ refresh_token: session.refreshToken }),
  }).catch(() => {
    throw unreachable();
  });
  if (response.ok) {
    const tokens = (await response.json()) as Tokens;
    signedIn(tokens);
    return tokens.access_token;
  }
  const problem = await problemOf(response);
  if (response.status >= 500 || response.status === 429) throw problem;
  signedOut();
  return null;
}

function store(next: Session | null): void {
  writeStored(key, next);
  adopt(next);
}

function adopt(next: Session | null): void {
  session = next;
  schedule();
  for (const listener of listeners) listener();
}

/** Sockets need a live token too, so it is renewed ahead of its end without anybody asking. */
function schedule(delayMs?: number): void {
  clearTimeout(timer);
  if (!session) return;
  const waitMs = delayMs ?? Math.max(1000, session.expiresAtMs - Date.now() - aheadMs / 2);
  timer = setTimeout(() => {
    freshAccessToken().catch(() => schedule(retryMs));
  }, waitMs);
}

addEventListener("storage", (event) => {
  if (event.key === key || event.key === null) adopt(readStored<Session>(key));
});
schedule();
