import { useState, type SubmitEvent } from "react";
import { ApiError } from "../api/problem";

/** Sends a form once at a time and sorts what the server says into fields and the rest. */
export function useForm(send: (data: FormData) => Promise<void>) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const fields = error instanceof ApiError ? error.fields : {};

  async function submit(event: SubmitEvent<HTMLFormElement>) {
    event.preventDefault();
    if (busy) return;
    const data = new FormData(event.currentTarget);
    setBusy(true);
    setError(null);
    try {
      await send(data);
    } catch (reason) {
      setError(reason as Error);
    }
    setBusy(false);
  }

  const general = error && Object.keys(fields).length === 0 ? error : null;
  return { busy, general, fields, submit };
}

export function text(data: FormData, name: string): string {
  const value = data.get(name);
  return typeof value === "string" ? value : "";
}
