/** The server's types under short names. All of them come from the generated schema. */
import type { components, operations } from "./schema";

type Schemas = components["schemas"];

export type User = Schemas["User"];
export type Tokens = Schemas["Tokens"];
export type Video = Schemas["Video"];
export type VideoPage = Schemas["List_Video"];
export type SearchPage = Schemas["List_SearchHit"];
export type SearchSort = NonNullable<NonNullable<operations["search"]["parameters"]["query"]>["sort"]>;
export type Visibility = Schemas["Visibility"];
export type Rendition = Schemas["Rendition"];
export type Failure = Schemas["Failure"];
export type Playback = Schemas["Playback"];
export type Comment = Schemas["Comment"];
export type CommentPage = Schemas["List_Comment"];
export type Channel = Schemas["Channel"];
export type ChannelSummary = Schemas["ChannelSummary"];
export type Reaction = Schemas["ReactionKind"];
export type ReactionTotals = Schemas["ReactionTotals"];
export type Chat = Schemas["Chat"];
export type ChatView = Schemas["ChatView"];
export type Poll = Schemas["Poll"];
export type TimedOut = Schemas["TimedOut"];
export type Timeline = Schemas["Timeline"];
export type Caption = Schemas["Caption"];
export type CaptionTrack = Schemas["CaptionTrack"];
export type Chapter = Schemas["Chapter"];
export type ThumbnailCandidate = Schemas["ThumbnailCandidate"];
export type ThumbnailChoices = Schemas["ThumbnailChoices"];
export type Job = Schemas["Job"];
export type JobEvent = Schemas["JobEvent"];
export type Problem = Schemas["Problem"];
