/** A strict reader of Prometheus' text exposition format 0.0.4, written from its grammar and not from what writes it here. */

export interface Sample {
  /** What follows the family's name: `_bucket`, `_sum`, `_count` of a histogram; else ''. */
  readonly suffix: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Family {
  readonly help: string;
  readonly type: string;
  readonly samples: Sample[];
}

/** @throws Error that names the line, when the text breaks the format's rules */
export function readExposition(text: string): Map<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line lacks its line feed');
  const families = new Map<string, Family>();
  const series = new Set<string>();
  let help: { name: string; text: string } | null = null;
  let current = '';
  for (const [at, line] of text.slice(0, -1).split('\n').entries()) {
    const fail = (why: string): never => {
      throw new Error(`line ${at + 1}: ${why}: ${line}`);
    };
    const comment = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/.exec(line);
    if (comment) {
      const [, kind, name = '', rest = ''] = comment;
      if (kind === 'HELP') {
        if (help !== null || families.has(name)) fail('a second HELP');
        help = { name, text: rest };
        continue;
      }
      if (help?.name !== name) fail('TYPE without its HELP before it');
      if (!/^(counter|gauge|histogram|summary|untyped)$/.test(rest)) fail('no such type');
      if (rest === 'counter' && !name.endsWith('_total')) fail('a counter is named …_total');
      families.set(name, { help: help?.text ?? '', type: rest, samples: [] });
      current = name;
      help = null;
      continue;
    }
    const sample = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? fail('no sample');
    const [, name = '', labelText = '', valueText = ''] = sample;
    const family = families.get(current) ?? fail('a sample before its TYPE');
    if (!name.startsWith(current)) fail('a sample of another family');
    const suffix = name.slice(current.length);
    const isHistogram = family.type === 'histogram';
    if (isHistogram ? !/^_(bucket|sum|count)$/.test(suffix) : suffix !== '') fail('a suffix that the type has not');
    const value = valueText === '+Inf' ? Number.POSITIVE_INFINITY : Number(valueText);
    if (!/^([+-]?(\d+(\.\d+)?([eE][+-]?\d+)?)|[+-]Inf|NaN)$/.test(valueText)) fail('no number');
    if (family.type === 'counter' && value < 0) fail('a counter below zero');
    const labels = readLabels(labelText, fail);
    const key = `${name} ${JSON.stringify(Object.entries(labels).sort())}`;
    if (series.has(key)) fail('the same series twice');
    series.add(key);
    family.samples.push({ suffix, labels, value });
  }
  for (const [name, family] of families) if (family.type === 'histogram') checkHistogram(name, family.samples);
  return families;
}

function readLabels(text: string, fail: (why: string) => never): Record<string, string> {
  const labels: Record<string, string> = {};
  let rest = text;
  while (rest !== '') {
    const match = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,(?=.)|$)/.exec(rest) ?? fail('no label');
    const [whole, name = '', value = ''] = match;
    if (name in labels) fail('a label twice');
    labels[name] = value.replace(/\\(.)/g, (_escape, letter: string) => (letter === 'n' ? '\n' : letter));
    rest = rest.slice(whole.length);
  }
  return labels;
}

function checkHistogram(name: string, samples: readonly Sample[]): void {
  const buckets = samples.filter(({ suffix }) => suffix === '_bucket');
  const bounds = buckets.map(({ labels }) =>
    labels['le'] === '+Inf' ? Number.POSITIVE_INFINITY : Number(labels['le']),
  );
  const isRising = (values: readonly number[]) =>
    values.every((value, at) => at === 0 || value >= (values[at - 1] ?? 0));
  const count = samples.find(({ suffix }) => suffix === '_count')?.value;
  if (!isRising(bounds) || bounds.at(-1) !== Number.POSITIVE_INFINITY) throw new Error(`${name}: its bounds`);
  if (!isRising(buckets.map(({ value }) => value)) || buckets.at(-1)?.value !== count)
    throw new Error(`${name}: its counts`);
  if (!samples.some(({ suffix }) => suffix === '_sum')) throw new Error(`${name}: no sum`);
}
