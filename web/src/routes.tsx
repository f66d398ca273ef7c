/** Which page an address shows. The heavy ones come in their own files when they are first needed. */
import { lazy, type ComponentType, type ReactElement } from "react";
import { matchPath } from "./lib/router";
import { AccountPage } from "./pages/AccountPage";
import { ChannelPage } from "./pages/ChannelPage";
import { HomePage } from "./pages/HomePage";
import { NotFoundPage } from "./pages/NotFoundPage";
import { RegisterPage } from "./pages/RegisterPage";
import { SearchPage } from "./pages/SearchPage";
import { SignInPage } from "./pages/SignInPage";

type Page = ComponentType<{ videoId: string }>;
const loadWatchPage = async (): Promise<Page> => (await import("./pages/watch/WatchPage")).WatchPage;
let WatchPage: Page = lazy(async () => ({ default: await loadWatchPage() }));
const UploadPage = lazy(async () => ({ default: (await import("./pages/upload/UploadPage")).UploadPage }));
const ReferencePage = lazy(async () => ({ default: (await import("./pages/reference/ReferencePage")).ReferencePage }));

const routes: [pattern: string, page: (params: Record<string, string>) => ReactElement][] = [
  ["/", () => <HomePage />],
  ["/watch/:id", ({ id = "" }) => <WatchPage key={id} videoId={id} />],
  ["/channel/:id", ({ id = "" }) => <ChannelPage key={id} channelId={id} />],
  ["/search", () => <SearchPage />],
  ["/upload", () => <UploadPage />],
  ["/sign-in", () => <SignInPage />],
  ["/register", () => <RegisterPage />],
  ["/account", () => <AccountPage />],
  ["/reference", () => <ReferencePage />],
];

/** Has the player's file before anything is drawn: once React shows a stand-in, it stays for 300 ms. */
export async function warmUp(path: string): Promise<void> {
  if (!matchPath("/watch/:id", path)) return;
  WatchPage = await loadWatchPage().catch(() => WatchPage);
}

export function pageFor(path: string): ReactElement {
  for (const [pattern, page] of routes) {
    const params = matchPath(pattern, path);
    if (params) return page(params);
  }
  return <NotFoundPage />;
}
