/**
 * Imported first by every program that starts a core: an import overlaps reading, hashing and fsync, and Node's pool of
 * four threads would be the narrow place. Read once, when the pool is first used.
 */
process.env['UV_THREADPOOL_SIZE'] ??= '8';
