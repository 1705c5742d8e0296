// Full screen for a wall: the browser's bars go, and the shell's, too.

import { useSyncExternalStore } from "react";

const listen = (listener: () => void) => {
  document.addEventListener("fullscreenchange", listener);
  return () => document.removeEventListener("fullscreenchange", listener);
};

export const useWall = (): boolean => useSyncExternalStore(listen, () => document.fullscreenElement !== null);

export const canWall = (): boolean => document.fullscreenEnabled;

export async function toggleWall(): Promise<void> {
  if (document.fullscreenElement) await document.exitFullscreen();
  else await document.documentElement.requestFullscreen();
}
