import type { TreeElement } from './datasetTree.ts';
import { NotDeidentifiable } from './notDeidentifiable.ts';
import { trimmedTexts } from './trimmedText.ts';

const storage = '1.2.840.10008.5.1.4.1.1.';
const classes = (uids: string): ReadonlySet<string> =>
  new Set(
    uids
      .trim()
      .split(/\s+/)
      .map((uid) => storage + uid),
  );

/** Images by measurement: what a scanner writes into their pixels are values. */
const measured = classes(`
  1 1.1 1.1.1 1.2 1.2.1 1.3 1.3.1 2 2.1 2.2 5 4 4.1 4.3 4.4 12.1 12.1.1 12.2 12.2.1 13.1.1 13.1.2 13.1.3 13.1.4 13.1.5
  20 30 66.4 128 128.1 130
`);
/** Images of screens, of people, of slides with labels, and those of ultrasound and endoscopy: names are usual in them. */
const drawn = classes(`
  3 3.1 6 6.1 6.2 7 7.1 7.2 7.3 7.4 14.1 14.2 77.1.1 77.1.2 77.1.3 77.1.4 77.1.5.1 77.1.5.2 77.1.5.4 77.1.6
`);
/** Words in Image Type (0008,0008), and phrases in descriptions, of what is a picture of a page or a screen, in English, French and German. */
const picturedTypes =
  /\b(SCREEN\w*|\w*CAPTURE[DS]?|SNAPSHOT|\w*REPORT|DOSE\w*|\w*PROTOCOL[ES]?|\w*PROTOKOLL\w*|PROT|RAPPORT|\w*BERICHT|E?CRAN|FILM(ED)?|PRINT(ED)?|TEXTE?|LABEL|OVERVIEW|THUMBNAIL|SUMMARY|TABLE|GRAPHICS?|SAVED?|RESULTS?|ANNOTAT\w+)\b/i;
const picturedSeries = new RegExp(
  [
    'screen ?-?(sav|shot|capt)|dose ?-?(report|info|summary|record|page)|patient ?(protocol|info)|protocol ?(page|report)',
    '\\breports?\\b|\\bsummary\\b|secondary capture|key ?images?|snap ?shots?\\b(?! ?(pulse|freeze))',
    // French. A letter with an accent comes in any repertoire.
    '\\bcaptures?\\b|\\be?crans?\\b|\\brapports?\\b|\\bprotocoles?\\b|\\bfiches?\\b|compte\\W{0,2}rendu|\\br(e|\\W{1,2})sum(e|\\W)|images? ?-?cl',
    'dose (patient|totale|d.{1,2}livr)',
    // German.
    'protokoll|bericht|dosis ?-?(info|report|.{1,2}bersicht|werte)|patienten ?-?(info|daten|blatt)|bildschirm|zusammenfassung|\\bbefund|schnappschuss',
    '\\bprot\\b',
  ].join('|'),
  'i',
);
/** Its colours are those of its segments. */
const segmentation = `${storage}66.4`;
const drawnModalities = new Set('US IVUS ES GM SM XC OT SC OP OPT HC DG LP BI SMR DOC AU ECG HD EPS TG'.split(' '));

/**
 * Refuses what is no image, and images whose pixels may show whose they are: those that say so (0028,0301), and those
 * of a kind or with a history in which it is usual, unless they say that it is not so.
 *
 * @throws NotDeidentifiable('notAnImage' | 'burnedIn' | 'mayShowText')
 */
export function refuseTextInPixels(sopClassUid: string, elements: readonly TreeElement[]): void {
  const textsOf = (tag: number) => trimmedTexts(elements.find((element) => element.tag === tag)?.value);
  /** Writers join words by _ too. */
  const wordsOf = (tag: number) => textsOf(tag).map((text) => text.replaceAll('_', ' '));
  const isDrawn = drawn.has(sopClassUid);
  if (!isDrawn && !measured.has(sopClassUid)) throw new NotDeidentifiable('notAnImage');
  const [burnedIn = ''] = textsOf(0x0028_0301);
  if (burnedIn.toUpperCase() === 'YES') throw new NotDeidentifiable('burnedIn');
  const types = wordsOf(0x0008_0008);
  const described = [...wordsOf(0x0008_103e), ...wordsOf(0x0018_1030)];
  // A page is text, whatever is said of it: those who write NO into all that they make write it here too.
  const isPictured =
    types.some((type) => picturedTypes.test(type)) || described.some((text) => picturedSeries.test(text));
  if (isPictured) throw new NotDeidentifiable('mayShowText');
  if (burnedIn.toUpperCase() === 'NO') return;
  const [modality = ''] = textsOf(0x0008_0060);
  const isPalette = textsOf(0x0028_0004).includes('PALETTE COLOR') && sopClassUid !== segmentation;
  const isColoured = samplesOf(elements) > 1 || isPalette;
  const isConverted = textsOf(0x0008_0064).some((way) => way !== '' && way !== 'DI');
  const isFilm = textsOf(0x0018_7004).includes('FILM');
  if (isDrawn || drawnModalities.has(modality) || isColoured || isConverted || isFilm)
    throw new NotDeidentifiable('mayShowText');
}

/** Colour among measured values is a rendering, with its scale and its texts. Either order of bytes. */
function samplesOf(elements: readonly TreeElement[]): number {
  const value = elements.find(({ tag }) => tag === 0x0028_0002)?.value;
  return value?.length === 2 ? (value[0] ?? 0) + (value[1] ?? 0) : 1;
}
