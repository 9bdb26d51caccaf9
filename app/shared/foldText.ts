const letters: Readonly<Record<string, string>> = {
  ß: 'ss',
  œ: 'oe',
  æ: 'ae',
  ø: 'o',
  ł: 'l',
  đ: 'd',
  ð: 'd',
  þ: 'th',
  ħ: 'h',
  ı: 'i',
  // What word processors and telephones make of ' and -.
  '’': "'",
  '‘': "'",
  ʼ: "'",
  '‐': '-',
  '–': '-',
};

/**
 * Text as it is searched and sorted: compatibility-decomposed, without accents, in lower case, with runs of anything
 * that is neither letter nor digit made one space. 'Éloïse-Anne^LEFÈVRE' becomes 'eloise anne lefevre'.
 */
export function foldText(text: string): string {
  return foldMarks(text)
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
}

/** Like foldText, but keeps every character that is no accent: for identifiers, where '/', '-' and '.' count. */
export function foldMarks(text: string): string {
  // Plain ASCII, which is nearly everything, needs no Unicode tables.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the class is all of ASCII, control characters included.
  if (/^[\x00-\x7f]*$/.test(text)) return text.toLowerCase();
  return text
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .toLowerCase()
    .replace(/[ßœæøłđðþħı’‘ʼ‐–]/g, (letter) => letters[letter] ?? letter);
}
