/**
 * Provisional, in the shape `npm run generate` gives: replaced as soon as schema/openapi.json stands.
 */
export interface components {
  schemas: {
    User: {
      id: string;
      username: string;
      display_name: string;
      avatar_url?: string | null;
      channel_id: string;
      roles: string[];
    };
    Author: { id: string; username: string; display_name: string; avatar_url?: string | null };
    Tokens: {
      access_token: string;
      refresh_token: string;
      expires_in_s: number;
      user: components["schemas"]["User"];
    };
    ChannelSummary: { id: string; handle: string; title: string; avatar_color: string };
    Channel: {
      id: string;
      handle: string;
      title: string;
      description: string;
      avatar_color: string;
      subscribers: number;
      subscribed: boolean;
      created_at: string;
    };
    Progress: { stage: string; percent: number };
    Failure: { code: string; detail: string; retryable: boolean };
    Rendition: {
      name: string;
      width?: number | null;
      height?: number | null;
      frame_rate?: number | null;
      bandwidth_bps: number;
      complete: boolean;
    };
    Thumbnails: { poster: string; sprite_vtt?: string | null };
    /** @enum {string} */
    VideoStatus: "uploading" | "processing" | "ready" | "failed";
    /** @enum {string} */
    Visibility: "public" | "unlisted" | "private";
    Video: {
      id: string;
      title: string;
      description: string;
      tags: string[];
      duration_ms?: number | null;
      views: number;
      likes: number;
      dislikes: number;
      comments: number;
      status: components["schemas"]["VideoStatus"];
      progress: components["schemas"]["Progress"];
      failure?: components["schemas"]["Failure"] | null;
      visibility: components["schemas"]["Visibility"];
      channel: components["schemas"]["ChannelSummary"];
      renditions: components["schemas"]["Rendition"][];
      thumbnails?: components["schemas"]["Thumbnails"] | null;
      reaction: components["schemas"]["ReactionKind"];
      created_at: string;
      published_at?: string | null;
    };
    List_Video: { items: components["schemas"]["Video"][]; next_cursor?: string | null };
    Playback: {
      hls: string;
      dash?: string | null;
      thumbnails_vtt?: string | null;
      poster?: string | null;
      captions: { language: string; label: string; url: string }[];
      expires_at: string;
    };
    Comment: {
      id: string;
      video_id: string;
      user: components["schemas"]["Author"];
      text: string;
      at_ms?: number | null;
      parent_id?: string | null;
      created_at: string;
      edited_at?: string | null;
      likes: number;
      replies: number;
    };
    List_Comment: { items: components["schemas"]["Comment"][]; next_cursor?: string | null };
    ReactionKind: "like" | "dislike" | "none";
    ReactionTotals: { likes: number; dislikes: number; reaction: components["schemas"]["ReactionKind"] };
    Problem: {
      type: string;
      title: string;
      status: number;
      detail: string;
      code: string;
      request_id?: string;
      errors?: { field: string; detail: string }[];
    };
  };
}
