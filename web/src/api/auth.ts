import { request } from "./client";
import { currentRefreshToken, signedIn, signedOut, userChanged } from "./session";
import type { Tokens, User } from "./types";

export async function register(username: string, email: string, password: string): Promise<void> {
  signedIn(await request<Tokens>("/auth/register", { method: "POST", body: { username, email, password } }));
}

export async function login(username: string, password: string): Promise<void> {
  signedIn(await request<Tokens>("/auth/login", { method: "POST", body: { username, password } }));
}

/** Signs out here whether or not the server hears of it. */
export async function logout(): Promise<void> {
  const body = { refresh_token: currentRefreshToken() };
  await request("/auth/logout", { method: "POST", body }).catch(() => undefined);
  signedOut();
}

export async function renameMe(displayName: string): Promise<User> {
  const user = await request<User>("/me", { method: "PATCH", body: { display_name: displayName } });
  userChanged(user);
  return user;
}
