import type { Annotation, KeyImage } from '../../../app/domains/imaging/imagingSchema.ts';
import { Failure } from '../../../app/shared/failure.ts';
import type { OpenStore } from '../../core.ts';
import type { Author, Reader, Transaction } from '../../database/writeGate.ts';

/** `revision`: of the study as it was opened; left out by whoever draws on no picture. */
interface Opened {
  readonly revision?: number | undefined;
}
export type NewAnnotation = Omit<Annotation, 'version' | 'author' | 'at'> & Opened & { readonly baseVersion: number };
export type NewKeyImage = Omit<KeyImage, 'author' | 'at'> & Opened & { readonly marked: boolean };

/** Longest view state of one annotation as JSON, bytes. */
const longestViewState = 64 * 1024;

/** Where a fact comes from, for its row. */
export interface FactOrigin {
  readonly version: number;
  readonly at: number;
  readonly hlc: string;
  readonly author: string;
  readonly siteId: string;
}

/** The newest version of every annotation of a study, archived ones included, oldest first. */
export function listAnnotations(reader: Reader, studyUid: string): Annotation[] {
  const rows = reader.all<{ body: string }>(
    `SELECT a.body FROM annotation_version a WHERE a.study_uid = ?
       AND a.version = (SELECT max(version) FROM annotation_version b WHERE b.annotation_id = a.annotation_id)
     ORDER BY a.annotation_id`,
    studyUid,
  );
  return rows.map((row) => JSON.parse(row.body) as Annotation);
}

/** One version of an annotation of a study, as it was saved. */
export function findAnnotation(
  reader: Reader,
  studyUid: string,
  annotationId: string,
  version: number,
): Annotation | undefined {
  const row = reader.get<{ body: string }>(
    'SELECT body FROM annotation_version WHERE annotation_id = ? AND version = ? AND study_uid = ?',
    annotationId,
    version,
    studyUid,
  );
  return row && (JSON.parse(row.body) as Annotation);
}

/**
 * Appends a version of an annotation.
 *
 * @throws Failure('imaging.annotationChanged') when somebody saved a newer version than the person saw: neither is lost
 * @throws Failure('imaging.annotationMoved') when it would lie on another image than the one it was drawn on
 * @throws Failure('imaging.annotationUnknown' | 'imaging.instanceUnknown' | 'imaging.identityConflict' | 'imaging.tooLarge')
 */
export function saveAnnotation(store: OpenStore, author: Author, input: NewAnnotation): Annotation {
  const { baseVersion, revision, ...facts } = input;
  if (JSON.stringify(facts.viewState).length > longestViewState)
    throw new Failure('imaging.tooLarge', 'the view state is too large');
  return store.gate.write(author, 'imaging.saveAnnotation', (tx) => {
    const newest = tx.get<{ version: number; body: string }>(
      'SELECT version, body FROM annotation_version WHERE annotation_id = ? ORDER BY version DESC LIMIT 1',
      input.annotationId,
    );
    if (baseVersion > 0 && !newest) throw new Failure('imaging.annotationUnknown', 'no such annotation');
    if ((newest?.version ?? 0) !== baseVersion) {
      throw new Failure('imaging.annotationChanged', 'a newer version was saved meanwhile', {
        version: newest?.version ?? 0,
      });
    }
    // An annotation never wanders to another image, whatever a window sends: its numbers would be read off the wrong one.
    if (newest && !sameImage(JSON.parse(newest.body) as Annotation, input))
      throw new Failure('imaging.annotationMoved', 'the annotation lies on another image');
    requireDrawable(tx, input, revision);
    const annotation: Annotation = {
      ...facts,
      version: baseVersion + 1,
      author: author.operatorName ?? '',
      at: tx.nowMs,
    };
    tx.statement({
      type: 'annotation',
      id: annotation.annotationId,
      version: annotation.version,
      payload: { ...annotation },
    });
    insertAnnotation(tx, annotation, {
      version: annotation.version,
      at: tx.nowMs,
      hlc: tx.hlc,
      author: annotation.author,
      siteId: tx.siteId,
    });
    tx.subject(
      { type: 'annotation', id: annotation.annotationId },
      { version: annotation.version, archived: annotation.archived },
    );
    tx.topic('annotations');
    return annotation;
  });
}

function sameImage(left: Annotation, right: NewAnnotation): boolean {
  return (['studyUid', 'seriesUid', 'sopUid', 'frame'] as const).every((part) => left[part] === right[part]);
}

export function insertAnnotation(tx: Transaction, annotation: Annotation, origin: FactOrigin): void {
  tx.run(
    `INSERT INTO annotation_version (annotation_id, version, study_uid, sop_uid, body, at, hlc, author, site_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    annotation.annotationId,
    origin.version,
    annotation.studyUid,
    annotation.sopUid,
    JSON.stringify(annotation),
    origin.at,
    origin.hlc,
    origin.author,
    origin.siteId,
  );
}

interface KeyImageRow {
  readonly study_uid: string;
  readonly series_uid: string;
  readonly sop_uid: string;
  readonly frame: number;
  readonly window: string | null;
  readonly author: string;
  readonly at: number;
}

/** The images of a study that are marked as key images now, in the order they were marked. */
export function listKeyImages(reader: Reader, studyUid: string): KeyImage[] {
  const rows = reader.all<KeyImageRow>(
    `SELECT k.study_uid, k.series_uid, k.sop_uid, k.frame, k.window, k.author, k.at FROM key_image_mark k
     WHERE k.study_uid = ? AND k.marked = 1
       AND k.version = (SELECT max(version) FROM key_image_mark b WHERE b.study_uid = k.study_uid AND b.sop_uid = k.sop_uid AND b.frame = k.frame)
     ORDER BY k.at, k.hlc`,
    studyUid,
  );
  return rows.map((row) => ({
    studyUid: row.study_uid,
    seriesUid: row.series_uid,
    sopUid: row.sop_uid,
    frame: row.frame,
    author: row.author,
    at: row.at,
    window: row.window === null ? null : (JSON.parse(row.window) as KeyImage['window']),
  }));
}

/** Marks or unmarks a key image; both are facts that stay. @throws Failure('imaging.instanceUnknown' | 'imaging.identityConflict') */
export function setKeyImage(store: OpenStore, author: Author, { revision, ...input }: NewKeyImage): KeyImage[] {
  return store.gate.write(author, 'imaging.setKeyImage', (tx) => {
    requireDrawable(tx, input, revision);
    const newest = tx.get<{ version: number | null }>(
      'SELECT max(version) AS version FROM key_image_mark WHERE study_uid = ? AND sop_uid = ? AND frame = ?',
      input.studyUid,
      input.sopUid,
      input.frame,
    );
    const version = (newest?.version ?? 0) + 1;
    tx.statement({ type: 'keyImage', id: `${input.sopUid}#${input.frame}`, version, payload: { ...input } });
    insertKeyImage(tx, input, {
      version,
      at: tx.nowMs,
      hlc: tx.hlc,
      author: author.operatorName ?? '',
      siteId: tx.siteId,
    });
    tx.subject({ type: 'study', id: input.studyUid }, { marked: input.marked, frame: input.frame });
    tx.topic('keyImages');
    return listKeyImages(tx, input.studyUid);
  });
}

export function insertKeyImage(tx: Transaction, input: NewKeyImage, origin: FactOrigin): void {
  tx.run(
    `INSERT INTO key_image_mark (study_uid, sop_uid, frame, version, series_uid, marked, window, at, hlc, author, site_id)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    input.studyUid,
    input.sopUid,
    input.frame,
    origin.version,
    input.seriesUid,
    input.marked ? 1 : 0,
    windowText(input.window),
    origin.at,
    origin.hlc,
    origin.author,
    origin.siteId,
  );
}

/** Always the same text for the same window, whether a person set it or a rebuild reads it from the archive. */
function windowText(window: KeyImage['window']): string | null {
  if (window === null) return null;
  const { centre, width, function: curve } = window;
  return JSON.stringify({ centre, width, function: curve });
}

/** Facts are written only about an image that exists where they say and that a person could have seen. */
function requireDrawable(
  reader: Reader,
  target: { studyUid: string; seriesUid: string; sopUid: string; frame: number },
  revision: number | undefined,
): void {
  const row = reader.get<{ identity_conflict: number; revision: number; frames: number }>(
    `SELECT st.identity_conflict, st.revision, i.frames FROM instance i JOIN series s ON s.series_row = i.series_row JOIN study st ON st.study_row = s.study_row
     WHERE i.sop_uid = ? AND s.series_uid = ? AND st.study_uid = ?`,
    target.sopUid,
    target.seriesUid,
    target.studyUid,
  );
  if (!row) throw new Failure('imaging.instanceUnknown', 'no such instance in this study and series');
  if (row.identity_conflict === 1)
    throw new Failure('imaging.identityConflict', 'instances of this study name two people');
  // Drawn on a picture that is another one by now.
  if (revision !== undefined && revision !== row.revision)
    throw new Failure('imaging.studyChanged', 'the study is not the one that was opened');
  if (target.frame > row.frames) throw new Failure('imaging.frameUnknown', 'no such frame', { frame: target.frame });
}
