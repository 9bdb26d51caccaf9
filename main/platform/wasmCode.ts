import { setFlagsFromString } from 'node:v8';

/**
 * Keeps V8 13.6 (Node 24) from freeing single pieces of WebAssembly code while it runs; a module's code still goes with
 * the module. The wrappers through which WebAssembly calls JavaScript are shared by all threads of a process, and this
 * V8 can free one twice: a thread that looks a wrapper up just as the collector gives it up (`is_dying`) takes a
 * reference to it and frees it again, which ends the process with SIGTRAP (`jit_page_->allocations_.erase(addr)`) or
 * SIGSEGV. Without that collector no wrapper ever dies. Fixed in V8 by 9b8ca54d5a (crbug 409379692), not in Node 24 as
 * of 24.21: nodejs/node#64500 and #66366. Price: a few hundred bytes for each distinct wrapper, and the first version of
 * each function that was compiled better later, until its module goes.
 *
 * Imported by what opens a store, and so by every host; V8 reads the flag each time it would collect, so worker threads
 * obey it as well. Tests set it in vitest.config.ts.
 */
if (process.versions.v8.startsWith('13.6.')) setFlagsFromString('--no-wasm-code-gc');
