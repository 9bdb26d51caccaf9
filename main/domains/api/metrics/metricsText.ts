import type { Spread } from '../../../platform/counters.ts';

type Labels = Readonly<Record<string, string>>;

/** Lines of Prometheus' text exposition format 0.0.4, a family at a time. */
export class MetricsText {
  readonly #lines: string[] = [];

  /** `samples` without any still says that the family is known. */
  family(
    name: string,
    type: 'counter' | 'gauge',
    help: string,
    samples: Iterable<readonly [labels: Labels, value: number]>,
  ): void {
    this.#head(name, type, help);
    for (const [labels, value] of samples) this.#lines.push(`${name}${labelText(labels)} ${numberText(value)}`);
  }

  single(name: string, type: 'counter' | 'gauge', help: string, value: number): void {
    this.family(name, type, help, [[{}, value]]);
  }

  histogram(name: string, help: string, { bounds, counts, sum }: Spread): void {
    this.#head(name, 'histogram', help);
    const all = counts.at(-1) ?? 0;
    for (const [at, bound] of bounds.entries())
      this.#lines.push(`${name}_bucket{le="${numberText(bound)}"} ${counts[at] ?? 0}`);
    this.#lines.push(`${name}_bucket{le="+Inf"} ${all}`, `${name}_sum ${numberText(sum)}`, `${name}_count ${all}`);
  }

  /** Ends with the line feed that the format asks for. */
  toString(): string {
    return `${this.#lines.join('\n')}\n`;
  }

  #head(name: string, type: string, help: string): void {
    this.#lines.push(
      `# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}`,
      `# TYPE ${name} ${type}`,
    );
  }
}

function labelText(labels: Labels): string {
  const parts = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return parts.length === 0 ? '' : `{${parts.join(',')}}`;
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}
