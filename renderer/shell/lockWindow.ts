import type { QueryClient } from '@tanstack/react-query';
import { runLockCallbacks } from '../api/lockRegistry.ts';

/**
 * Forgets what the window knew about patients: stops what is being asked, empties the copies, and tells everything
 * that kept something outside React. Called after the workspace is unmounted.
 */
export async function forgetEverything(queryClient: QueryClient): Promise<void> {
  const spared = (key: readonly unknown[]): boolean => key[0] === 'system.status' || key[0] === 'security.session';
  await queryClient.cancelQueries({ predicate: (query) => !spared(query.queryKey) });
  queryClient.removeQueries({ predicate: (query) => !spared(query.queryKey) });
  queryClient.getMutationCache().clear();
  window.getSelection()?.removeAllRanges();
  runLockCallbacks();
}
