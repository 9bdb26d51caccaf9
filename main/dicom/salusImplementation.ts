/** Names Salus in file meta groups (PS3.10 section 7.1) and associations (PS3.7 D.3.3.2); a UUID-derived UID (PS3.5 B.2). */
export const implementationClassUid = '2.25.194436772685574431574108760276140927669';

/** At most 16 characters. Without a number, so that an object built again by a later version is the same bytes. */
export const implementationVersion = 'SALUS';
