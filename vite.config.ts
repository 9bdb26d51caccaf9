import path from 'node:path';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const root = import.meta.dirname;

/** The window's page. Built to dist/renderer; `base: './'` because it is served from a port and from salus://. */
export default defineConfig({
  root: path.join(root, 'renderer'),
  base: './',
  plugins: [react()],
  worker: {
    format: 'es',
    // The decode worker wants one function of dicom-image-loader, not the 3.6 MB of Cornerstone its index draws in: the
    // package does not say that its modules have no side effects, so we do.
    rolldownOptions: { treeshake: { moduleSideEffects: (id) => !id.includes('@cornerstonejs/dicom-image-loader') } },
  },
  build: {
    outDir: path.join(root, 'dist', 'renderer'),
    emptyOutDir: true,
    target: 'chrome140',
    // The content security policy has no data: for scripts, fonts and WASM: everything is a file of ours.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
    chunkSizeWarningLimit: 8000,
    reportCompressedSize: false,
  },
  server: { host: '127.0.0.1', fs: { allow: [root] } },
  optimizeDeps: {
    // Without these the development server serves the decode workers and their WASM from the wrong place.
    exclude: ['@cornerstonejs/dicom-image-loader', '@cornerstonejs/metadata'],
    include: [
      'dicom-parser',
      'pako',
      '@cornerstonejs/codec-charls/decodewasmjs',
      '@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs',
      '@cornerstonejs/codec-openjpeg/decodewasmjs',
      '@cornerstonejs/codec-openjph/wasmjs',
    ],
  },
});
