/** Every reason background work can give. */
export const jobFailures = ['jobs.unknown', 'jobs.notCancellable', 'jobs.interrupted', 'jobs.failed'] as const;
