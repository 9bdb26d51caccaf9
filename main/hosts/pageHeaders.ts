/**
 * Headers of every reply that is part of the page, in both hosts. Scripts, styles and fonts are files of ours; the
 * codecs are WASM; Cornerstone starts workers from blobs and React sets style attributes; pictures come as blobs. The
 * page is cross-origin isolated, so that decoded frames can be shared between its workers.
 *
 * @param origin of the page, for connecting back: `http://127.0.0.1:1234` or `salus://app`
 */
export function pageHeaders(origin: string): Readonly<Record<string, string>> {
  const socket = origin.startsWith('http://') ? ` ${origin.replace(/^http/, 'ws')}` : '';
  const policy = [
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "worker-src 'self' blob:",
    "style-src 'self'",
    "style-src-attr 'unsafe-inline'",
    "img-src 'self' blob: data:",
    "font-src 'self'",
    `connect-src 'self' blob:${socket}`,
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ];
  return {
    'content-security-policy': policy.join('; '),
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-embedder-policy': 'require-corp',
    'cross-origin-resource-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'permissions-policy': 'camera=(), microphone=(), geolocation=(), usb=(), serial=(), hid=(), payment=()',
    'cache-control': 'no-store',
  };
}
