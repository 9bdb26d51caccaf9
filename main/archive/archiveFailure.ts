import { Failure } from '../../app/shared/failure.ts';

/** What the file system says, in the words of the store; anything else stays as it is. */
export function mapFailure(error: unknown): unknown {
  const code = (error as { code?: unknown }).code;
  if (code === 'ENOSPC' || code === 'EDQUOT') return new Failure('storage.diskFull', 'no space left for the archive');
  if (code === 'ENOENT') return new Failure('storage.objectMissing', 'archived object missing');
  return error;
}
