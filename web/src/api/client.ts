/** One way to call the server: JSON in and out, the token added, one retry after a refused token. */
import { problemOf, unreachable } from "./problem";
import { freshAccessToken } from "./session";

export interface RequestOptions {
  method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  body?: unknown;
  /** Instead of JSON. */
  file?: { content: Blob; type: string };
  query?: Record<string, string | number | null | undefined>;
  signal?: AbortSignal;
  idempotencyKey?: string;
}

export async function request<T>(path: string, options: RequestOptions = {}): Promise<T> {
  const token = await freshAccessToken();
  let response = await send(path, options, token);
  if (response.status === 401 && token) {
    response = await send(path, options, await freshAccessToken(token));
  }
  if (!response.ok) throw await problemOf(response);
  if (response.status === 204) return undefined as T;
  return (await response.json()) as T;
}

async function send(path: string, options: RequestOptions, token: string | null): Promise<Response> {
  const headers = new Headers({ Accept: "application/json" });
  if (token) headers.set("Authorization", `Bearer ${token}`);
  if (options.idempotencyKey) headers.set("Idempotency-Key", options.idempotencyKey);
  if (options.body !== undefined) headers.set("Content-Type", "application/json");
  if (options.file) headers.set("Content-Type", options.file.type);
  const init: RequestInit = { method: options.method ?? "GET", headers };
  if (options.body !== undefined) init.body = JSON.stringify(options.body);
  if (options.file) init.body = options.file.content;
  if (options.signal) init.signal = options.signal;
  try {
    return await fetch(`/api/v1${path}${queryOf(options.query)}`, init);
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw unreachable();
  }
}

function queryOf(query: RequestOptions["query"]): string {
  const pairs = Object.entries(query ?? {}).filter(([, value]) => value !== null && value !== undefined);
  if (pairs.length === 0) return "";
  return `?${new URLSearchParams(pairs.map(([name, value]) => [name, String(value)]))}`;
}
