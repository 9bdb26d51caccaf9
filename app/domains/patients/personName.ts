/** The three groups of a person name (PS3.5 section 6.2, VR PN): alphabetic, ideographic, phonetic. */
export interface PersonName {
  readonly alphabetic: NameComponents;
  readonly ideographic: NameComponents;
  readonly phonetic: NameComponents;
}

export interface NameComponents {
  readonly family: string;
  readonly given: string;
  readonly middle: string;
  readonly prefix: string;
  readonly suffix: string;
}

/** Splits a PN value. Missing groups and components are empty; padding around each is dropped. */
export function parsePersonName(value: string): PersonName {
  const [alphabetic = '', ideographic = '', phonetic = ''] = value.split('=');
  return {
    alphabetic: parseComponents(alphabetic),
    ideographic: parseComponents(ideographic),
    phonetic: parseComponents(phonetic),
  };
}

function parseComponents(group: string): NameComponents {
  const [family = '', given = '', middle = '', prefix = '', suffix = ''] = group.split('^').map((part) => part.trim());
  return { family, given, middle, prefix, suffix };
}

/**
 * The name for people: 'FAMILY Given Middle'. The alphabetic group where it says anything, else the ideographic, else
 * the phonetic. Empty when there is no name: the window then says so in its own language.
 */
export function displayPersonName(value: string): string {
  const name = parsePersonName(value);
  for (const group of [name.alphabetic, name.ideographic, name.phonetic]) {
    const text = [group.family.toUpperCase(), group.given, group.middle].filter((part) => part !== '').join(' ');
    if (text !== '') return text;
  }
  return '';
}

/**
 * A PN value without what carries no meaning: padding, empty trailing components and groups, doubled spaces.
 * 'Doe^Jane^^ ^ ==' becomes 'Doe^Jane'.
 */
export function tidyPersonName(value: string): string {
  return value
    .split('=')
    .map((group) =>
      group
        .split('^')
        .map((part) => part.trim().replace(/\s+/g, ' '))
        .join('^')
        .replace(/\^+$/, ''),
    )
    .join('=')
    .replace(/=+$/, '');
}
