/** Requests that store objects here and are under way, so that whoever closes can end them. */
interface OpenRequests {
  /** Aborted when everything is to end. */
  begin(requestId: string): AbortSignal;
  end(requestId: string): void;
  /** Ends those that are open, and resolves when they have ended, or after so long. */
  close(graceMs: number): Promise<void>;
}

export function openRequests(): OpenRequests {
  const abort = new AbortController();
  const open = new Set<string>();
  let wake: () => void = () => undefined;
  return {
    begin(requestId) {
      open.add(requestId);
      return abort.signal;
    },
    end(requestId) {
      open.delete(requestId);
      if (open.size === 0) wake();
    },
    async close(graceMs) {
      abort.abort();
      if (open.size === 0) return;
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        wake = resolve;
        timer = setTimeout(resolve, graceMs);
      });
      clearTimeout(timer);
    },
  };
}
