/** What Salus uses of dcmjs, which ships no types. */
declare module 'dcmjs' {
  interface Logger {
    setLevel(level: 'silent', persist: false): void;
  }
  interface WriteBufferStream {
    readonly size: number;
    getBuffer(start?: number, end?: number): ArrayBuffer;
  }
  interface WriteOptions {
    readonly allowInvalidVRLength: boolean;
  }
  /** Tag in eight hex digits → VR and values; binary values are one ArrayBuffer. */
  type Dict = Record<string, { vr: string; Value: unknown[] }>;
  interface DicomDict {
    dict: Dict;
    write(options: WriteOptions): ArrayBuffer;
  }
  export const log: Logger & { getLogger(name: string): Logger };
  export const data: {
    readonly DicomDict: new (meta: Dict) => DicomDict;
    readonly DicomMessage: {
      write(dict: Dict, stream: WriteBufferStream, transferSyntaxUid: string, options: WriteOptions): number;
    };
    /** Tag as '(0010,0010)' → its keyword, of PS3.6. */
    readonly DicomMetaDictionary: {
      readonly dictionary: Readonly<Record<string, { readonly name: string } | undefined>>;
    };
    readonly WriteBufferStream: new (initialBytes: number, littleEndian: boolean) => WriteBufferStream;
  };
}
