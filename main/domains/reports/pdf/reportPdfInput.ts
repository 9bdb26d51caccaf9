import type { ReportSection } from '../../../../app/domains/reports/reportSchema.ts';
import type { Language } from '../../../../app/domains/security/securitySchema.ts';

/** A line drawn over a key image, in pixels of the image as rendered (column, row; corner of the first pixel is 0,0). */
export interface KeyImageOverlay {
  readonly shape: 'polyline' | 'ellipse' | 'rectangle' | 'point';
  readonly points: readonly (readonly [number, number])[];
  readonly label: string;
}

export interface PdfKeyImage {
  readonly png: Uint8Array;
  /** Size of the PNG in pixels. */
  readonly width: number;
  readonly height: number;
  /** Height over width of one pixel: 1 for square ones (Pixel Spacing row over column, or Pixel Aspect Ratio). */
  readonly pixelAspect: number;
  readonly caption: string;
  readonly overlays: readonly KeyImageOverlay[];
}

/** Everything a report's PDF shows. Plain data, so that it can be handed to a worker thread. */
export interface ReportPdfInput {
  readonly language: Language;
  /** A draft is marked as such on every page and carries no signature. */
  readonly draft: boolean;
  readonly siteName: string;
  readonly title: string;
  readonly reportId: string;
  readonly documentId: string;
  readonly version: number;
  readonly patient: {
    readonly displayName: string;
    readonly identifier: string;
    readonly issuer: string;
    /** DICOM DA text or empty. */
    readonly birthDate: string;
    readonly sex: string;
  };
  readonly study: {
    readonly description: string;
    readonly modalities: readonly string[];
    /** DICOM DA and TM text or empty. */
    readonly date: string;
    readonly time: string;
    readonly accessionNumber: string;
    readonly referringPhysician: string;
    readonly studyUid: string;
  };
  readonly addendumTo: { readonly signedBy: string; readonly signedAt: number; readonly reportId: string } | null;
  readonly sections: readonly ReportSection[];
  readonly keyImages: readonly PdfKeyImage[];
  readonly author: string;
  readonly signature: { readonly fullName: string; readonly operatorName: string; readonly signedAt: number } | null;
  /** IANA time zone the times are printed in; printed with their offset. */
  readonly timeZone: string;
  readonly fonts: { readonly regular: Uint8Array; readonly bold: Uint8Array };
}
