import { calibrationOf, type ImagePoint } from '../../../app/domains/imaging/calibrationRules.ts';
import type { DicomDataset } from '../../../app/domains/imaging/dicomElements.ts';
import { type FrameAttributes, frameAttributesOf } from '../../../app/domains/imaging/frameAttributes.ts';
import { pixelToPatient } from '../../../app/domains/imaging/geometryRules.ts';
import type { Series, Study } from '../../../app/domains/imaging/imagingSchema.ts';
import type { PatientIdentity } from '../../../app/domains/patients/patientRules.ts';
import type { Patient } from '../../../app/domains/patients/patientSchema.ts';
import { Failure } from '../../../app/shared/failure.ts';
import { makeUuidV7 } from '../../../app/shared/ids.ts';
import type { Api } from '../../api/ApiProvider.tsx';
import {
  createViewportEngine,
  type OpenMpr,
  type OpenStack,
  type PointerTool,
  type ViewAnnotation,
  type ViewportEngine,
  Watched,
} from '../../viewport/viewport.ts';
import { type AnnotationContent, AnnotationJournal } from './annotationJournal.ts';
import { exposeForTests } from './deskProbe.ts';
import { isSamePerson, namesPatient } from './patientMatch.ts';
import { activate, type ReadingStore, type SeriesRef } from './readingStore.ts';

/** A study on the desk: the one being read, or a prior beside it. */
export interface DeskStudy {
  readonly study: Study;
  readonly patient: Patient;
  readonly series: readonly Series[];
  /** Other spellings of the patient that somebody decided to be one person. */
  readonly alsoNamed: readonly PatientIdentity[];
}

/** Who reads, asked each time it matters. */
export interface Reader {
  readonly language: () => 'fr' | 'en';
  readonly canAnnotate: () => boolean;
}

export interface PaneHooks {
  readonly onHover: (
    text:
      | { column: number; row: number; stored: readonly number[]; value: number | undefined; unit: string }
      | undefined,
  ) => void;
}

const imageFailure = (code: string) => new Failure(code, 'the series cannot be put on the desk');

/**
 * The reading room's objects that live outside React: the viewport engine, what each viewport holds, the journals of
 * annotations. Made when a study is opened, closed with it: nothing of a patient stays.
 */
export class ReadingDesk {
  readonly engine: ViewportEngine;
  readonly main: DeskStudy;
  /** Counts viewports coming and going, for those who watch the active one. */
  readonly panesChanged = new Watched(0);
  readonly #api: Api;
  readonly #store: ReadingStore;
  readonly #person: Reader;
  readonly #studies = new Map<string, DeskStudy>();
  readonly #journals = new Map<string, AnnotationJournal>();
  readonly #metadata = new Map<string, Promise<readonly DicomDataset[]>>();
  readonly #panes = new Map<number, OpenStack>();
  readonly #shown = new Map<number, string>();
  readonly #starts = new Map<number, { sopUid: string; frame: number }>();
  readonly #kept = new Map<string, () => void>();
  readonly #unwatch: (() => void)[] = [];
  readonly #abort = new AbortController();
  #mpr: OpenMpr | undefined;
  #isFollowing = false;
  readonly #hidden: () => void;

  constructor(api: Api, main: DeskStudy, store: ReadingStore, person: Reader) {
    this.#api = api;
    this.main = main;
    this.#store = store;
    this.#person = person;
    this.engine = createViewportEngine({ fetchAsset: (path, init) => api.fetchAsset(path, init) });
    this.#studies.set(main.study.studyUid, main);
    this.#hidden = exposeForTests(this.engine);
    this.#unwatch.push(store.subscribe((state, before) => state.tool !== before.tool && this.#applyTool(state.tool)));
    const first = store.getState().panes[0];
    if (first) void this.#preload(first);
  }

  /** On its way while the room is still being built; the viewport that shows the series is told of a failure. */
  async #preload(ref: SeriesRef): Promise<void> {
    try {
      const instances = await this.metadata(ref);
      this.#assertPatient(ref, instances);
      if (!this.#abort.signal.aborted && !this.#kept.has(keyOf(ref)))
        this.#kept.set(keyOf(ref), this.engine.preload({ ...ref, instances }));
    } catch {
      // Asked again, and answered, by the viewport.
    }
  }

  /** Which state of a study's pictures is on this desk. */
  revisionOf(studyUid: string): number {
    return this.#studies.get(studyUid)?.study.revision ?? 0;
  }

  study(studyUid: string): DeskStudy | undefined {
    return this.#studies.get(studyUid);
  }

  /** Puts a prior beside the study being read. @throws Failure when it is another person's */
  async openPrior(studyUid: string): Promise<DeskStudy> {
    const opened = await this.#api.client.imaging.openStudy({ studyUid });
    if (!isSamePerson(opened.patient, this.main.patient))
      throw new Failure('imaging.patientDiffers', 'a prior of another patient');
    this.#studies.set(studyUid, opened);
    return opened;
  }

  journal(studyUid: string): AnnotationJournal {
    let journal = this.#journals.get(studyUid);
    if (!journal) {
      const { client } = this.#api;
      const host = {
        list: (uid: string) => client.imaging.listAnnotations({ studyUid: uid }),
        // Of the pictures as they were opened: where another content was taken since, the host refuses.
        save: (input: Parameters<typeof client.imaging.saveAnnotation>[0]) =>
          client.imaging.saveAnnotation({ ...input, revision: this.revisionOf(studyUid) }),
      };
      const made = new AnnotationJournal(studyUid, host, makeId);
      journal = made;
      this.#journals.set(studyUid, made);
      this.#unwatch.push(made.watch(() => this.#showAnnotations(studyUid)));
    }
    return journal;
  }

  /** The instances of a series, described; once for as long as the desk stands. @throws Failure */
  metadata({ studyUid, seriesUid }: SeriesRef): Promise<readonly DicomDataset[]> {
    const key = keyOf({ studyUid, seriesUid });
    let metadata = this.#metadata.get(key);
    if (!metadata) {
      metadata = this.#fetchMetadata(studyUid, seriesUid);
      metadata.catch(() => this.#metadata.delete(key));
      this.#metadata.set(key, metadata);
    }
    return metadata;
  }

  attachPane(index: number, root: HTMLElement, hooks: PaneHooks): OpenStack {
    const pane = this.engine.openStack(root, {
      onGesture: (annotation) => this.#gesture(index, annotation),
      makeId,
      language: this.#person.language,
      canEdit: this.#person.canAnnotate,
      onActivated: () => activate(this.#store, { activePane: index }),
      onHover: (at) => hooks.onHover(at && pane.view.valueAt(at)),
    });
    pane.tools.setTool(this.#store.getState().tool);
    this.#panes.set(index, pane);
    this.panesChanged.set(this.panesChanged.get() + 1);
    this.#unwatch.push(pane.view.state.watch(() => this.#follow(index)));
    return pane;
  }

  detachPane(index: number): void {
    this.#panes.get(index)?.close();
    this.#panes.delete(index);
    this.panesChanged.set(this.panesChanged.get() + 1);
    this.#shown.delete(index);
  }

  pane(index: number): OpenStack | undefined {
    return this.#panes.get(index);
  }

  get active(): OpenStack | undefined {
    return this.#panes.get(this.#store.getState().activePane);
  }

  /** The next series shown in a viewport starts at this image. */
  startAt(index: number, start: { sopUid: string; frame: number }): void {
    this.#starts.set(index, start);
  }

  takeStart(index: number): { sopUid: string; frame: number } | undefined {
    const start = this.#starts.get(index);
    this.#starts.delete(index);
    return start;
  }

  /** Shows a series in a viewport, which is blank until its own first picture is there. @throws Failure */
  async show(index: number, ref: SeriesRef | null, startAt?: { sopUid: string; frame: number }): Promise<void> {
    const pane = this.#panes.get(index);
    if (!pane) return;
    const wanted = ref ? keyOf(ref) : '';
    this.#shown.set(index, wanted);
    await pane.view.showSeries(undefined);
    if (!ref) return;
    const instances = await this.metadata(ref);
    const isStillWanted = this.#panes.get(index) === pane && this.#shown.get(index) === wanted;
    if (!isStillWanted) return;
    this.#assertPatient(ref, instances);
    this.#keep(ref, instances);
    const shown = pane.view.showSeries({ ...ref, instances }, startAt);
    this.#showAnnotations(ref.studyUid);
    await shown;
  }

  attachMpr(roots: readonly [HTMLElement, HTMLElement, HTMLElement]): OpenMpr {
    this.#mpr?.close();
    const mpr = this.engine.openMpr(roots, { onActivated: (plane) => activate(this.#store, { activePlane: plane }) });
    this.#mpr = mpr;
    this.#applyTool(this.#store.getState().tool);
    return mpr;
  }

  async showMpr(mpr: OpenMpr, ref: SeriesRef): Promise<void> {
    const instances = await this.metadata(ref);
    if (this.#mpr !== mpr) return;
    this.#assertPatient(ref, instances);
    this.#keep(ref, instances);
    await mpr.view.showSeries({ ...ref, instances });
  }

  detachMpr(mpr: OpenMpr): void {
    mpr.close();
    if (this.#mpr === mpr) this.#mpr = undefined;
  }

  /** The journal that holds an annotation. */
  journalOf(annotationId: string): AnnotationJournal | undefined {
    return [...this.#journals.values()].find((journal) =>
      journal.getState().entries.some((entry) => entry.content.annotationId === annotationId),
    );
  }

  /** The journal of the study in the active viewport. */
  get activeJournal(): AnnotationJournal {
    const { panes, activePane } = this.#store.getState();
    return this.journal(panes[activePane]?.studyUid ?? this.main.study.studyUid);
  }

  /** The series of a study that holds an image. */
  async locate(studyUid: string, sopUid: string, seriesUid?: string): Promise<SeriesRef | undefined> {
    const study = this.#studies.get(studyUid);
    const candidates = (study?.series ?? []).filter(
      (series) => seriesUid === undefined || series.seriesUid === seriesUid,
    );
    for (const series of candidates) {
      const ref = { studyUid, seriesUid: series.seriesUid };
      const instances = await this.metadata(ref);
      if (instances.some((instance) => instance['00080018']?.Value?.[0] === sopUid)) return ref;
    }
    return undefined;
  }

  get mpr(): OpenMpr | undefined {
    return this.#mpr;
  }

  /** True when a viewport holds a study of somebody who is not this screen's patient: nothing may be read then. */
  get areOthersShown(): boolean {
    const { panes } = this.#store.getState();
    return panes.some((ref) => {
      const study = ref && this.#studies.get(ref.studyUid);
      return study ? !isSamePerson(study.patient, this.main.patient) : false;
    });
  }

  close(): void {
    this.#abort.abort();
    this.#hidden();
    for (const stop of this.#unwatch) stop();
    for (const journal of this.#journals.values()) journal.close();
    this.#mpr?.close();
    for (const release of this.#kept.values()) release();
    this.engine.dispose();
    this.#panes.clear();
    this.#kept.clear();
    this.#metadata.clear();
    this.#journals.clear();
    this.#studies.clear();
  }

  async #fetchMetadata(studyUid: string, seriesUid: string): Promise<readonly DicomDataset[]> {
    const response = await this.#api.fetchAsset(`/dicomweb/studies/${studyUid}/series/${seriesUid}/metadata`, {
      headers: { Accept: 'application/dicom+json' },
      signal: this.#abort.signal,
    });
    const answer: unknown = await response.json();
    if (!Array.isArray(answer)) throw imageFailure('imaging.seriesUnknown');
    return answer as readonly DicomDataset[];
  }

  /** Frames stay in memory while the study is open, so that MPR and a second look do not fetch them again. */
  #keep(ref: SeriesRef, instances: readonly DicomDataset[]): void {
    const key = keyOf(ref);
    if (!this.#kept.has(key)) this.#kept.set(key, this.engine.keep({ ...ref, instances }));
  }

  #assertPatient(ref: SeriesRef, instances: readonly DicomDataset[]): void {
    const study = this.#studies.get(ref.studyUid);
    const isOwn =
      study &&
      instances.every((instance) => {
        const image = frameAttributesOf(instance, 1);
        return [study.patient, ...study.alsoNamed].some((named) => namesPatient(image, named));
      });
    if (!isOwn || !isSamePerson(study.patient, this.main.patient)) throw imageFailure('imaging.patientDiffers');
  }

  #applyTool(tool: PointerTool): void {
    for (const pane of this.#panes.values()) pane.tools.setTool(tool === 'crosshair' ? 'window' : tool);
    const planeTool = tool === 'pan' || tool === 'zoom' || tool === 'window' || tool === 'scroll' ? tool : 'crosshair';
    for (const plane of this.#mpr?.view.planes ?? []) plane.tools.setTool(planeTool);
  }

  #gesture(index: number, annotation: ViewAnnotation): void {
    const view = this.#panes.get(index)?.view;
    const attributes = view?.frames.find(
      (frame) => frame.sopUid === annotation.sopUid && frame.frame === annotation.frame,
    );
    if (!attributes) return;
    const journal = this.journal(attributes.studyUid);
    const known = journal.getState().entries.find((entry) => entry.content.annotationId === annotation.annotationId);
    journal.put(contentOf(annotation, attributes, known?.content));
  }

  #showAnnotations(studyUid: string): void {
    const annotations = this.journal(studyUid)
      .getState()
      .entries.filter((entry) => !entry.content.archived)
      .map(({ content, isSaved }): ViewAnnotation => ({ ...content, isSaved }));
    const { panes } = this.#store.getState();
    for (const [index, pane] of this.#panes)
      if (panes[index]?.studyUid === studyUid) pane.view.setAnnotations(annotations);
  }

  /** Linked viewports show the slice nearest to the active one's, where both share a frame of reference. */
  #follow(index: number): void {
    const { activePane, isLinked } = this.#store.getState();
    if (!isLinked || index !== activePane || this.#isFollowing) return;
    const source = this.#panes.get(index)?.view.state.get().picture?.attributes;
    if (!source?.plane) return;
    this.#isFollowing = true;
    for (const [other, pane] of this.#panes) if (other !== index) pane.view.scrollToPlaneOf(source);
    this.#isFollowing = false;
  }
}

/** Two studies may name one Series UID: what is drawn is always looked up by both. */
function keyOf({ studyUid, seriesUid }: SeriesRef): string {
  return `${studyUid}/${seriesUid}`;
}

export function makeId(): string {
  return makeUuidV7(Date.now(), crypto.getRandomValues(new Uint8Array(10)));
}

function contentOf(
  annotation: ViewAnnotation,
  attributes: FrameAttributes,
  known: AnnotationContent | undefined,
): AnnotationContent {
  const points = annotation.points.map(([column, row]): [number, number] => [column, row]);
  return {
    annotationId: annotation.annotationId,
    studyUid: attributes.studyUid,
    seriesUid: attributes.seriesUid,
    sopUid: attributes.sopUid,
    frame: attributes.frame,
    tool: annotation.tool,
    points,
    pointsMm: patientPoints(points, attributes),
    label: known?.label ?? annotation.label,
    measurements: [...annotation.measurements],
    viewState: known?.viewState ?? {},
    archived: false,
  };
}

/** The points in patient mm, only where the plane and its millimetres are proven. */
function patientPoints(points: readonly ImagePoint[], attributes: FrameAttributes): [number, number, number][] {
  const { plane } = attributes;
  const calibration = calibrationOf(attributes, points);
  if (!plane || calibration.kind !== 'patient') return [];
  return points.map((point) => {
    const [x, y, z] = pixelToPatient(plane, calibration.spacing, point);
    return [x, y, z];
  });
}
