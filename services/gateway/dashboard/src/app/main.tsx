// Starts the application: words, cache, live feeds, routes.

import "./theme.css";
import { MantineProvider } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode, Suspense } from "react";
import { createRoot } from "react-dom/client";
import { queries } from "@/api/queries";
import { session } from "@/api/session";
import { feedCaches } from "@/live/feeds";
import { line, work } from "@/live/live";
import { startWords } from "./i18n";
import { router } from "./router";
import { styleNonce, theme } from "./theme";

function hearWhileSignedIn(): void {
  const standing = session.now();
  for (const source of [line, work]) {
    if (standing.state === "in") source.start(standing.user.id);
    else if (standing.state === "out") source.stop();
    else source.pause();
  }
}

session.onChangedHands = () => {
  queries.clear();
  for (const source of [line, work]) source.stop();
  hearWhileSignedIn();
};
session.subscribe(hearWhileSignedIn);
addEventListener("online", () => {
  for (const source of [line, work]) source.nudge();
});
// A tab that is left hands over at once; one that is come back to hears again.
addEventListener("pagehide", () => {
  for (const source of [line, work]) source.pause();
});
addEventListener("pageshow", (event) => {
  if (event.persisted) hearWhileSignedIn();
});
// After a deployment the chunk that an open page asks for may be gone: load the new application, once.
addEventListener("vite:preloadError", (event) => {
  const last = Number(sessionStorage.getItem("andon.reloaded") ?? 0);
  if (Date.now() - last < 30_000) return;
  sessionStorage.setItem("andon.reloaded", String(Date.now()));
  event.preventDefault();
  location.reload();
});

// What locks scrolling behind a dialog asks for the nonce by this name.
Object.assign(globalThis, { __webpack_nonce__: styleNonce() });

await startWords();
feedCaches();
hearWhileSignedIn();
const place = document.getElementById("root");
if (place) {
  createRoot(place).render(
    <StrictMode>
      <MantineProvider theme={theme} defaultColorScheme="auto" getStyleNonce={styleNonce}>
        <QueryClientProvider client={queries}>
          <Notifications position="bottom-right" limit={4} />
          <Suspense>
            <RouterProvider router={router} />
          </Suspense>
        </QueryClientProvider>
      </MantineProvider>
    </StrictMode>,
  );
}
