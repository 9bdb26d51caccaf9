import type { PixelRepair } from '../../../../app/domains/imaging/pixelRepairs.ts';

/**
 * What is known of an object's pixels before any is decoded (PS3.3 C.7.6.3 Image Pixel, C.11.1 Modality LUT,
 * C.11.2 VOI LUT, C.9.2 Overlay Plane). Plain data except `source`, which points into the file's own bytes.
 */

export type DecodedArray =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array;

/** One look-up table: stored value `firstMapped + i` becomes `values[i]`; values outside clamp to the ends. */
export interface LookupTable {
  readonly firstMapped: number;
  /** Bits of each entry, 8 to 16. */
  readonly bits: number;
  readonly values: Uint16Array;
  readonly explanation: string;
}

export interface Palette {
  readonly red: LookupTable;
  readonly green: LookupTable;
  readonly blue: LookupTable;
}

export type ModalityTransform =
  | { readonly kind: 'identity' }
  | { readonly kind: 'linear'; readonly slope: number; readonly intercept: number; readonly type: string }
  | { readonly kind: 'lut'; readonly lut: LookupTable; readonly type: string };

export type VoiFunction = 'LINEAR' | 'LINEAR_EXACT' | 'SIGMOID';

/** A window in modality units (after rescale). */
export interface VoiWindow {
  readonly centre: number;
  readonly width: number;
  readonly explanation: string;
  readonly function: VoiFunction;
}

export interface VoiTransform {
  readonly windows: readonly VoiWindow[];
  readonly luts: readonly LookupTable[];
}

/** An overlay plane (60xx). Origin is 1-based row and column of the image, as stored; it may be negative. */
export interface OverlayPlane {
  readonly group: number;
  readonly rows: number;
  readonly columns: number;
  readonly originRow: number;
  readonly originColumn: number;
  readonly kind: 'graphics' | 'roi';
  readonly frames: number;
  /** First image frame (0-based) the overlay applies to. */
  readonly firstFrame: number;
  readonly label: string;
  readonly description: string;
  /** Packed bits, least significant first; absent when the overlay lives in a bit of the pixel cells. */
  readonly packed?: Uint8Array;
  /** Bit of the pixel cell that holds it (retired, still met); absent when `packed` is there. */
  readonly embeddedBit?: number;
}

export interface Fragment {
  /** Offset in `PixelSource.bytes`. */
  readonly start: number;
  readonly length: number;
  /** True when the file ends inside it. */
  readonly cut: boolean;
}

export interface NativePixels {
  readonly kind: 'native';
  readonly start: number;
  /** Bytes that are really there. */
  readonly available: number;
}

export interface EncapsulatedPixels {
  readonly kind: 'encapsulated';
  /** Per frame, the fragments that make it; shorter than `numberOfFrames` when frames are missing. */
  readonly frames: readonly (readonly Fragment[])[];
}

export interface FrameGroup {
  readonly modality?: ModalityTransform;
  readonly voi?: VoiTransform;
  readonly pixelSpacingMm?: PixelSpacingMm;
}

export interface PixelSource {
  /** The file, or its inflated form for a deflated transfer syntax. Never copied per frame. */
  readonly bytes: Uint8Array;
  readonly bigEndian: boolean;
  /** True when 8-bit cells lie in big-endian 16-bit words (VR OW). */
  readonly wordSwapped: boolean;
  readonly pixels: NativePixels | EncapsulatedPixels;
  /** What the functional groups of frame `frameIndex` say (PS3.3 C.7.6.16), read when asked. */
  readonly frameGroup: (frameIndex: number) => FrameGroup;
}

export interface PixelSpacingMm {
  /** Distance between rows. */
  readonly row: number;
  /** Distance between columns. */
  readonly column: number;
}

export interface PixelDescription {
  readonly transferSyntaxUid: string;
  readonly rows: number;
  readonly columns: number;
  readonly samplesPerPixel: 1 | 3;
  readonly bitsAllocated: 1 | 8 | 16 | 32 | 64;
  readonly bitsStored: number;
  readonly highBit: number;
  readonly pixelRepresentation: 0 | 1;
  readonly planarConfiguration: 0 | 1;
  readonly photometricInterpretation: string;
  readonly numberOfFrames: number;
  readonly sampleFormat: 'integer' | 'float32' | 'float64';
  readonly palette?: Palette;
  /** Of the instance; `transformsOfFrame` gives a frame's own. */
  readonly modality: ModalityTransform;
  readonly voi: VoiTransform;
  /** Modality (0008,0060), SOP Class UID and Image Type: what the values mean. */
  readonly meaning: { readonly modality: string; readonly sopClassUid: string; readonly imageType: readonly string[] };
  readonly overlays: readonly OverlayPlane[];
  readonly smallestPixelValue?: number;
  readonly largestPixelValue?: number;
  readonly paddingValue?: number;
  readonly paddingRangeLimit?: number;
  /** Vertical and horizontal size ratio of a pixel (0028,0034), where no spacing says it. */
  readonly pixelAspectRatio?: { readonly vertical: number; readonly horizontal: number };
  readonly pixelSpacingMm?: PixelSpacingMm;
  readonly imagerPixelSpacingMm?: PixelSpacingMm;
  /** True when the pixels have been through a lossy compression, ever (0028,2110) or in this file. */
  readonly lossy: boolean;
  /** What was wrong in the header and how it was read; empty for a clean object. */
  readonly repaired: readonly PixelRepair[];
  readonly source: PixelSource;
}

/** A decoded frame: samples interleaved by pixel, sign-extended, unused bits cleared. */
export interface DecodedFrame {
  readonly data: DecodedArray;
  readonly rows: number;
  readonly columns: number;
  readonly samplesPerPixel: 1 | 3;
  /** MONOCHROME1, MONOCHROME2, PALETTE COLOR or RGB. */
  readonly photometricInterpretation: string;
  readonly bitsStored: number;
  readonly signed: boolean;
  readonly planar: 0;
  readonly lossy: boolean;
  readonly repaired: readonly PixelRepair[];
}
