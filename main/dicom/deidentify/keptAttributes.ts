/**
 * What the table does not name and free text may stand in. Table E.1-1 lists what is known to hold identities; software
 * writes them elsewhere too. So of the rest only these pass, and only short technical text in plain ASCII.
 */

const tagsOf = (text: string): ReadonlySet<number> =>
  new Set(
    text
      .trim()
      .split(/\s+/)
      .map((tag) => Number.parseInt(tag, 16)),
  );

/** Technical text: makers, codes, filters, coils, kernels, units. */
export const keptTexts: ReadonlySet<number> = tagsOf(`
  00080070 00080100 00080102 00080103 00080104 00080119 00080122 00081090 00082120 00082127
  00180024 00180031 00180085 00181016 00181018 00181019 00181020 00181022 00181023 00181040 00181061 00181064
  00181070 00181085 00181160 00181161 00181180 001811A4 001811B0 001811B1 00181210 00181250 00181251 00181260
  00181261 0018702A 0018702B 00189005 00189041 00189046 00189047 00189050 00189175 00189320 00189524 00189525
  00189526 00201040 00209056 00209421 00281054 00281055 00283003 00283004 00409210 00480106 00540018 00541101
  00541103 00541104 00541105 00620009 0066000B 00660031 00660036 006A000E
`);

/** Typed by people and required where they stand: a dummy goes in their place. */
export const dummiedTexts: ReadonlySet<number> = tagsOf('00620005 00620020');

/** Typed by people, and of type 2 where they stand. */
export const emptiedTexts: ReadonlySet<number> = tagsOf('00700081');

/**
 * Thumbnails; attributes that were encrypted; what a clinic knows of the person, by codes of its own or by time, and the
 * table does not name; whatever said before how the object was de-identified, which is said anew.
 */
export const alwaysRemoved: ReadonlySet<number> = tagsOf(`
  00080005 00100024 00120052 00120053 00120054 00120062 00120063 00120064 00280303 00321034 00380044 00380100
  00380101 00380502 00400033 00400035 00880200 04000500 04000510 04000520 04000550 04000561 FFFCFFFC
`);

/** Lookup tables and offsets. Other bulk data has no place in an image, or nobody knows what is in it. */
export const keptBulk: ReadonlySet<number> = tagsOf(`
  00281101 00281102 00281103 00281104 00281201 00281202 00281203 00281204 00283002 00283006 7FE00001 7FE00002
`);

/** The only group in which an image is. */
export const pixelGroup = 0x7fe0;
/** Float, double and integer pixel data, and how each may be written. */
export const pixelTags: ReadonlyMap<number, readonly string[]> = new Map([
  [0x7fe0_0008, ['OF']],
  [0x7fe0_0009, ['OD']],
  [0x7fe0_0010, ['OB', 'OW']],
]);

/** Coding schemes of the world (PS3.16 table 8-1), in which a code means the same everywhere. Local ones may name anything. */
export const publicSchemes: ReadonlySet<string> = new Set(
  'DCM SCT SRT SNM3 LN UCUM FMA RADLEX UMLS NCIt ICDO3 ITIS_TSN MSH NYUMCCG UBERON PUBCHEM_CID CD8 I10 I10P BARI BI BRM IBSI MGI MA'.split(
    ' ',
  ),
);

/** Their UIDs, as the same table lists them; those under the root of DICOM are registered (PS3.6 annex A). */
export const publicSchemeUids: ReadonlySet<string> = new Set(
  '6.96 6.51 6.1 6.8 6.119 6.256 6.86 6.43.1 6.177 6.3 6.4 3.26.1.1'
    .split(' ')
    .map((uid) => `2.16.840.1.113883.${uid}`),
);
