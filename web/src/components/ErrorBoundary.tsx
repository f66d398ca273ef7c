import { Component, type ReactNode } from "react";
import { ErrorNote } from "./ErrorNote";

/** A page that breaks says so and can be loaded again; the rest of the site stays. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override render() {
    if (!this.state.error) return this.props.children;
    const error = new Error("This page broke. Loading it again usually helps.");
    return <ErrorNote error={error} onRetry={() => location.reload()} />;
  }
}
