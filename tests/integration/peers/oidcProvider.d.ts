/** What the tests use of oidc-provider, which brings no types. */
declare module 'oidc-provider' {
  import type { RequestListener } from 'node:http';

  interface StoredToken {
    readonly isValid: boolean;
    destroy(): Promise<void>;
  }

  class Provider {
    constructor(issuer: string, configuration: object);
    callback(): RequestListener;
    on(event: 'grant.success' | 'grant.error', listener: (context: unknown) => void): this;
    readonly ClientCredentials: { find(token: string): Promise<StoredToken | undefined> };
  }

  export { Provider };
}
