/** What went wrong with a request, in one type for every cause. */
import type { Problem } from "./types";

export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly fields: Record<string, string>;
  readonly retryAfterMs: number | null;
  readonly requestId: string | null;

  constructor(status: number, problem: Partial<Problem>, retryAfterMs: number | null = null) {
    super(sentence(problem.detail ?? problem.title ?? fallback(status)));
    this.name = "ApiError";
    this.status = status;
    this.code = problem.code ?? (status === 0 ? "unreachable" : "unknown");
    this.fields = Object.fromEntries((problem.errors ?? []).map(({ field, detail }) => [field, sentence(detail)]));
    this.retryAfterMs = retryAfterMs;
    this.requestId = problem.request_id ?? null;
  }
}

export function unreachable(): ApiError {
  return new ApiError(0, { detail: "The server cannot be reached. Check the connection and try again." });
}

export async function problemOf(response: Response): Promise<ApiError> {
  const retryAfter = Number(response.headers.get("Retry-After") ?? Number.NaN);
  const retryAfterMs = Number.isFinite(retryAfter) ? retryAfter * 1000 : null;
  const problem = (await response.json().catch(() => ({}))) as Partial<Problem>;
  return new ApiError(response.status, problem, retryAfterMs);
}

function fallback(status: number): string {
  if (status === 401) return "Please sign in again.";
  if (status === 403) return "This is not allowed for your account.";
  if (status === 404) return "This is not here (any more).";
  if (status === 429) return "That was too fast. Wait a moment and try again.";
  if (status >= 500) return "The server has a problem. Try again in a moment.";
  return "That did not work.";
}

/** Server messages are lower-case fragments; a page shows sentences. */
export function sentence(text: string): string {
  const trimmed = text.trim();
  const closed = /[.!?…]$/.test(trimmed) ? trimmed : `${trimmed}.`;
  return closed.charAt(0).toUpperCase() + closed.slice(1);
}
