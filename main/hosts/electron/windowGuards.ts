import type { App, Session, WebContents } from 'electron';

/** The page's origin in Electron: a scheme of its own, so that no port is opened and nothing else shares it. */
export const pageOrigin = 'salus://app';

/** True for a URL of our page. */
export function isOurPage(url: string): boolean {
  return url === pageOrigin || url.startsWith(`${pageOrigin}/`);
}

/**
 * Every web page of the process: it may not navigate away, open windows or embed other pages. Registered on the
 * application, so that a page created by mistake elsewhere is covered too.
 */
export function guardPages(app: App): void {
  app.on('web-contents-created', (_event, contents: WebContents) => {
    contents.on('will-navigate', (event) => {
      if (!isOurPage(event.url)) event.preventDefault();
    });
    contents.on('will-frame-navigate', (event) => {
      if (!isOurPage(event.url)) event.preventDefault();
    });
    contents.on('will-redirect', (event) => {
      if (!isOurPage(event.url)) event.preventDefault();
    });
    contents.on('will-attach-webview', (event) => event.preventDefault());
    contents.setWindowOpenHandler(() => ({ action: 'deny' }));
  });
}

/**
 * The window's session: no permission, no device, no request that leaves the machine, no dictionary fetched.
 * `fullscreen` is the one permission a reading room needs.
 */
export function guardSession(session: Session): void {
  session.setPermissionRequestHandler((contents, permission, answer) =>
    answer(permission === 'fullscreen' && isOurPage(contents.getURL())),
  );
  session.setPermissionCheckHandler(
    (_contents, permission, requestingOrigin) => permission === 'fullscreen' && isOurPage(requestingOrigin),
  );
  session.setDevicePermissionHandler(() => false);
  session.setDisplayMediaRequestHandler((_request, answer) => answer({}));
  session.setSpellCheckerEnabled(false);
  session.webRequest.onBeforeRequest((details, answer) => {
    const own = isOurPage(details.url) || /^(blob:salus:\/\/app\/|data:|devtools:)/.test(details.url);
    answer({ cancel: !own });
  });
}
