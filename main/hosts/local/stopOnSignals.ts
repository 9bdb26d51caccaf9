/** Stops once on SIGINT, SIGTERM or SIGHUP; a second signal ends the process at once. */
export function stopOnSignals(stop: () => Promise<void>): void {
  let isStopping = false;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (isStopping) process.exit(130);
      isStopping = true;
      stop().catch((error: unknown) => {
        process.stderr.write(`Salus could not stop cleanly: ${error instanceof Error ? error.message : ''}\n`);
        process.exit(1);
      });
    });
  }
}
