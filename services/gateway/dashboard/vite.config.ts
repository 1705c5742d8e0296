import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import { precompress } from "./scripts/precompress.mjs";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const built = process.env.ANDON_DASHBOARD_OUT ?? here("../andon/gateway/page/dist");
const gateway = process.env.ANDON_URL ?? "http://127.0.0.1:8080";

export default defineConfig({
  base: "/page/",
  plugins: [react(), precompress(built)],
  resolve: { alias: { "@": here("./src") } },
  build: {
    outDir: built,
    emptyOutDir: true,
    target: "es2023",
    assetsInlineLimit: 0, // the gateway's policy lets in no data: fonts
    manifest: "manifest.json",
    chunkSizeWarningLimit: 700,
  },
  server: {
    proxy: Object.fromEntries(
      ["/api", "/static", "/v1", "/health", "/page/about.json", "/ws"].map((path) => [
        path,
        { target: gateway, ws: path === "/ws" },
      ]),
    ),
  },
  test: { environment: "node", include: ["src/**/*.test.ts"], reporters: ["dot"] },
});
