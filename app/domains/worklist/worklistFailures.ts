/** Every reason the worklist domain can give. */
export const worklistFailures = ['worklist.studyUnknown'] as const;
