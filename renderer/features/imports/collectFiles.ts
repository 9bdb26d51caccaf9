/** A file to send, with the path a person would recognise it by, relative to what was dropped or chosen. */
export interface FoundFile {
  readonly path: string;
  readonly file: File;
}

/** A file or folder that the browser would not read. */
export interface UnreadableEntry {
  readonly path: string;
}

export interface Collected {
  readonly files: readonly FoundFile[];
  readonly unreadable: readonly UnreadableEntry[];
}

/** readEntries gives at most 100 at a time and an empty list at the end. */
function readAll(reader: FileSystemDirectoryReader): Promise<FileSystemEntry[]> {
  return new Promise((resolve, reject) => {
    const all: FileSystemEntry[] = [];
    const more = (): void =>
      reader.readEntries((entries) => {
        if (entries.length === 0) resolve(all);
        else {
          all.push(...entries);
          more();
        }
      }, reject);
    more();
  });
}

function fileOf(entry: FileSystemFileEntry): Promise<File> {
  return new Promise((resolve, reject) => entry.file(resolve, reject));
}

/**
 * Every file below the entries, folders of any depth, in a steady order. What cannot be read is told, not dropped.
 *
 * @param onFound called as files are found, with their number, for a sign of life in large folders.
 */
export async function collectEntries(
  entries: readonly FileSystemEntry[],
  signal: AbortSignal,
  onFound: (count: number) => void = () => undefined,
): Promise<Collected> {
  const files: FoundFile[] = [];
  const unreadable: UnreadableEntry[] = [];
  // A list to work off instead of recursion: a deep tree must not exhaust the stack.
  const waiting = [...entries].reverse();
  while (waiting.length > 0) {
    signal.throwIfAborted();
    const entry = waiting.pop() as FileSystemEntry;
    const path = entry.fullPath.replace(/^\//, '');
    try {
      if (entry.isFile) {
        files.push({ path, file: await fileOf(entry as FileSystemFileEntry) });
        onFound(files.length);
      } else {
        const inside = await readAll((entry as FileSystemDirectoryEntry).createReader());
        inside.sort((a, b) => b.name.localeCompare(a.name, 'en', { numeric: true }));
        waiting.push(...inside);
      }
    } catch {
      // The browser gives no reason a person could use; the summary says which one it was.
      unreadable.push({ path });
    }
  }
  return { files, unreadable };
}

/** The entries of a drop. Must be called while the event is being handled: the list is empty afterwards. */
export function entriesOf(items: DataTransferItemList): FileSystemEntry[] {
  const entries: FileSystemEntry[] = [];
  for (const item of Array.from(items)) {
    const entry = item.kind === 'file' ? item.webkitGetAsEntry() : null;
    if (entry) entries.push(entry);
  }
  return entries;
}

/** The files of a file chooser, with their folders when a folder was chosen. */
export function filesOf(list: FileList | null): Collected {
  const files = Array.from(list ?? []).map((file) => ({ path: file.webkitRelativePath || file.name, file }));
  return { files, unreadable: [] };
}
