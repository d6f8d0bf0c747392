import { formatDuration, groupDigits, US_PER_S } from '../units.js';
import type { Threshold } from './threshold-language.js';
import type { ThresholdState, ThresholdUnit, ThresholdWindows } from './threshold-result.js';

/** What was found for a threshold, in numbers. */
export interface FoundOutcome {
  readonly value: number | null;
  readonly n: number;
  readonly infinite: number;
  /** Samples that the percentile needs. */
  readonly needed: number;
  readonly state: ThresholdState;
  readonly windows: ThresholdWindows | null;
}

/** One sentence that says what was found, and why it did not pass. */
export function outcomeMessage(threshold: Threshold, found: FoundOutcome): string {
  const { value, n, needed, state, windows } = found;
  const of = `${threshold.metric}${tagsOf(threshold)}`;
  const what = threshold.aggregation === 'value' ? of : `${threshold.aggregation} of ${of}`;
  if (value === null) {
    const why = windows ? `no window had enough samples` : 'nothing was measured';
    return `${what}: no data, ${why}`;
  }
  const shown =
    value === Number.POSITIVE_INFINITY
      ? `infinite: ${groupDigits(found.infinite)} of ${groupDigits(n)} never succeeded`
      : shownValue(value, threshold.unit);
  if (state === 'inconclusive') {
    return `${what} is ${shown}, of ${groupDigits(n)} samples: it needs ${groupDigits(needed)} at 95 % confidence, ${groupDigits(needed - n)} more`;
  }
  const limit = `${threshold.operator} ${shownValue(threshold.limit, threshold.unit)}`;
  if (windows) {
    const row = threshold.windows?.inARow ?? 1;
    const inARow =
      row > windows.judged_n
        ? `: too few for ${row} in a row, this threshold could not fail`
        : row > 1
          ? `, ${windows.longest_n} in a row`
          : '';
    return (
      `${what} is ${shown} in the worst window of ${formatDuration(windows.window_s * US_PER_S)}, wanted ${limit}: ` +
      `${windows.violated_n} of ${windows.judged_n} ${windows.judged_n === 1 ? 'window violates' : 'windows violate'}${inARow}`
    );
  }
  return `${what} is ${shown}, wanted ${limit}`;
}

function tagsOf({ endpoint, population, cache }: Threshold): string {
  const tags = [
    ...(endpoint === null ? [] : [`endpoint:${endpoint}`]),
    ...(population === null || population === 'all_inf' ? [] : [`population:${population}`]),
    ...(cache === null ? [] : [`cache:${cache}`]),
  ];
  return tags.length === 0 ? '' : `{${tags.join(',')}}`;
}

const UNITS: Readonly<Record<ThresholdUnit, string>> = { ms: ' ms', ratio: '', per_s: '/s', count: '' };

/** A value as it is shown: at most three decimals of a time, of a share as many as tell it from 0. */
export function shownValue(value: number, unit: ThresholdUnit): string {
  const digits = unit === 'ratio' ? Number(value.toPrecision(4)) : Number(value.toFixed(3));
  return `${digits}${UNITS[unit]}`;
}
