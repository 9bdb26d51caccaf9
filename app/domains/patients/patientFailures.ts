/** Every reason the patients domain can give. */
export const patientFailures = ['patients.unknown', 'patients.sameRecord', 'patients.linkContradicts'] as const;
