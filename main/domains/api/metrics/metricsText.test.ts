import { describe, expect, it } from 'vitest';
import { Durations } from '../../../platform/counters.ts';
import { MetricsText } from './metricsText.ts';

describe('the text for Prometheus', () => {
  it('is as the format has it, whatever a label holds', () => {
    const text = new MetricsText();
    text.family('salus_x_total', 'counter', 'A \\ and\na line.', [
      [{ node: 'the "one" \\ here\nand there', reason: 'é' }, 3],
      [{}, 1.5e21],
    ]);
    text.family('salus_none', 'gauge', 'Nothing yet.', []);
    const spread = new Durations([0.5, 2]);
    for (const seconds of [0.1, 0.5, 1, 7, -1]) spread.add(seconds);
    text.histogram('salus_seconds', 'How long.', spread);
    expect(text.toString()).toBe(
      [
        '# HELP salus_x_total A \\\\ and\\na line.',
        '# TYPE salus_x_total counter',
        'salus_x_total{node="the \\"one\\" \\\\ here\\nand there",reason="é"} 3',
        'salus_x_total 1.5e+21',
        '# HELP salus_none Nothing yet.',
        '# TYPE salus_none gauge',
        '# HELP salus_seconds How long.',
        '# TYPE salus_seconds histogram',
        'salus_seconds_bucket{le="0.5"} 3',
        'salus_seconds_bucket{le="2"} 4',
        'salus_seconds_bucket{le="+Inf"} 5',
        'salus_seconds_sum 8.6',
        'salus_seconds_count 5',
        '',
      ].join('\n'),
    );
  });
});
