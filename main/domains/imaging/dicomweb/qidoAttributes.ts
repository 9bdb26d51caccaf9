export type Level = 'study' | 'series' | 'instance';

/** What a search can match and what it gives back (PS3.18 tables 10.6.1-5 and 10.6.3-3 to -5). */
export interface Attribute {
  readonly tag: string;
  readonly keyword: string;
  readonly level: Level;
  readonly vr: string;
  /** Of the rows `p` = patient, `st` = study, `s` = series, `i` = instance. */
  readonly column: string;
  readonly match: 'text' | 'uid' | 'date' | 'time' | 'number' | 'modalities' | 'none';
}

/** By which level an attribute stands, tag, keyword, VR, column, way to match. */
const table: readonly (readonly [Level, string, string, string, string, Attribute['match']])[] = [
  ['study', '00080020', 'StudyDate', 'DA', 'st.study_date', 'date'],
  ['study', '00080030', 'StudyTime', 'TM', 'st.study_time', 'time'],
  ['study', '00080050', 'AccessionNumber', 'SH', 'st.accession_number', 'text'],
  ['study', '00080061', 'ModalitiesInStudy', 'CS', 'st.modalities', 'modalities'],
  ['study', '00080090', 'ReferringPhysicianName', 'PN', 'st.referring_physician', 'text'],
  ['study', '00081030', 'StudyDescription', 'LO', 'st.description', 'text'],
  ['study', '00100010', 'PatientName', 'PN', 'p.name', 'text'],
  ['study', '00100020', 'PatientID', 'LO', 'p.identifier', 'text'],
  ['study', '00100021', 'IssuerOfPatientID', 'LO', 'p.issuer', 'text'],
  ['study', '00100030', 'PatientBirthDate', 'DA', 'p.birth_date', 'date'],
  ['study', '00100040', 'PatientSex', 'CS', 'p.sex', 'text'],
  ['study', '0020000D', 'StudyInstanceUID', 'UI', 'st.study_uid', 'uid'],
  ['study', '00200010', 'StudyID', 'SH', 'st.study_id', 'text'],
  ['study', '00201206', 'NumberOfStudyRelatedSeries', 'IS', 'st.series_count', 'none'],
  ['study', '00201208', 'NumberOfStudyRelatedInstances', 'IS', 'st.instance_count', 'none'],
  ['series', '00080060', 'Modality', 'CS', 's.modality', 'text'],
  ['series', '0008103E', 'SeriesDescription', 'LO', 's.description', 'text'],
  ['series', '00180015', 'BodyPartExamined', 'CS', 's.body_part', 'text'],
  ['series', '0020000E', 'SeriesInstanceUID', 'UI', 's.series_uid', 'uid'],
  ['series', '00200011', 'SeriesNumber', 'IS', 's.series_number', 'number'],
  ['series', '00201209', 'NumberOfSeriesRelatedInstances', 'IS', 's.instance_count', 'none'],
  ['instance', '00080016', 'SOPClassUID', 'UI', 'i.sop_class_uid', 'uid'],
  ['instance', '00080018', 'SOPInstanceUID', 'UI', 'i.sop_uid', 'uid'],
  ['instance', '00083002', 'AvailableTransferSyntaxUID', 'UI', 'i.transfer_syntax_uid', 'none'],
  ['instance', '00200013', 'InstanceNumber', 'IS', 'i.instance_number', 'number'],
  ['instance', '00280008', 'NumberOfFrames', 'IS', 'i.frames', 'none'],
  ['instance', '00280010', 'Rows', 'US', 'i.rows', 'none'],
  ['instance', '00280011', 'Columns', 'US', 'i.columns', 'none'],
];

export const attributes: readonly Attribute[] = table.map(([level, tag, keyword, vr, column, match]) => ({
  level,
  tag,
  keyword,
  vr,
  column,
  match,
}));

const byName = new Map(
  attributes.flatMap((attribute) =>
    [attribute.tag, attribute.keyword].map((name) => [name.toLowerCase(), attribute] as const),
  ),
);

/** The attribute of a keyword or of eight hex digits; undefined for what is not searched by here. */
export function findAttribute(name: string): Attribute | undefined {
  return byName.get(name.toLowerCase());
}
