/** Builds three files of fixed names, which Envoy serves; `vite dev` asks Envoy for answers. */
import { defineConfig } from "vite";

export default defineConfig({
  build: {
    // Envoy's file names each of these.
    rollupOptions: {
      output: { entryFileNames: "page.js", assetFileNames: "page[extname]" },
    },
    modulePreload: false,
  },
  server: {
    proxy: { "/facewire.v1.DetectService": "http://127.0.0.1:8080" },
  },
});
