/** Which page an address shows. The heavy ones come in their own files when they are first needed. */
import { lazy, type ReactElement } from "react";
import { matchPath } from "./lib/router";
import { AccountPage } from "./pages/AccountPage";
import { ChannelPage } from "./pages/ChannelPage";
import { HomePage } from "./pages/HomePage";
import { NotFoundPage } from "./pages/NotFoundPage";
import { RegisterPage } from "./pages/RegisterPage";
import { SignInPage } from "./pages/SignInPage";

const WatchPage = lazy(async () => ({ default: (await import("./pages/watch/WatchPage")).WatchPage }));
const UploadPage = lazy(async () => ({ default: (await import("./pages/upload/UploadPage")).UploadPage }));
const ReferencePage = lazy(async () => ({ default: (await import("./pages/reference/ReferencePage")).ReferencePage }));

const routes: [pattern: string, page: (params: Record<string, string>) => ReactElement][] = [
  ["/", () => <HomePage />],
  ["/watch/:id", ({ id = "" }) => <WatchPage key={id} videoId={id} />],
  ["/channel/:id", ({ id = "" }) => <ChannelPage key={id} channelId={id} />],
  ["/upload", () => <UploadPage />],
  ["/sign-in", () => <SignInPage />],
  ["/register", () => <RegisterPage />],
  ["/account", () => <AccountPage />],
  ["/reference", () => <ReferencePage />],
];

export function pageFor(path: string): ReactElement {
  for (const [pattern, page] of routes) {
    const params = matchPath(pattern, path);
    if (params) return page(params);
  }
  return <NotFoundPage />;
}
