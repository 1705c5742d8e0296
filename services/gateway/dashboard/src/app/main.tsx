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
  const { state } = session.now();
  for (const source of [line, work]) state === "out" ? source.stop() : source.start();
}

session.onChangedHands = () => {
  queries.clear();
  line.stop();
  work.stop();
  hearWhileSignedIn();
};
session.subscribe(hearWhileSignedIn);
addEventListener("online", () => {
  line.nudge();
  work.nudge();
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
