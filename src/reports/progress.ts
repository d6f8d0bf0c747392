import sparkly from 'sparkly';
import type { Snapshot } from '../reduce/tally.js';
import { formatDuration, formatMs, groupDigits, US_PER_S } from '../units.js';

/** A run at a moment, for its progress display. */
export interface Progress extends Snapshot {
  readonly elapsedUs: number;
  readonly durationUs: number;
  /** Users of a closed run, requests per second of an open one. */
  readonly wanted: number;
  readonly model: 'closed' | 'open';
  /** Sending has ended and answers are awaited. */
  readonly draining: boolean;
}

/** One line, for logs. */
export function progressLine(progress: Progress): string {
  return [
    `${clock(progress)}${progress.draining ? ' draining' : ''}`,
    level(progress),
    `p50 ${formatMs(progress.p50Ms)} ms`,
    `p95 ${formatMs(progress.p95Ms)} ms`,
    `${groupDigits(progress.requests)} requests`,
    failures(progress),
  ].join('  ');
}

function level({ model, users, wanted, perS }: Progress): string {
  return model === 'closed' ? `users ${users}/${wanted}  ${perS}/s` : `${perS}/${wanted}/s  ${users} in flight`;
}

/** A block that is painted over itself on a terminal of `columns`. */
export function progressBlock(progress: Progress, columns: number): string {
  const width = Math.max(10, Math.min(60, columns - 20));
  const share = Math.min(1, progress.elapsedUs / progress.durationUs);
  const bar = '█'.repeat(Math.round(share * width)).padEnd(width, '░');
  const remaining = Math.max(0, progress.durationUs - progress.elapsedUs);
  const left = progress.draining ? 'draining' : `${wholeSeconds(remaining)} left`;
  return [
    `${bar} ${wholeSeconds(progress.elapsedUs)}, ${left}`,
    progress.model === 'closed'
      ? `users     ${progress.users} now, ${progress.wanted} wanted`
      : `in flight ${progress.users} now, ${progress.wanted} requests/s wanted`,
    `requests  ${groupDigits(progress.requests)}, ${progress.perS}/s in the last second`,
    `latency   p50 ${formatMs(progress.p50Ms)} ms, p95 ${formatMs(progress.p95Ms)} ms in the last second`,
    `p95       ${sparkline(progress.p95TrendMs, width)}`,
    `failures  ${failures(progress)}`,
  ]
    .map((line) => line.slice(0, columns - 1))
    .join('\n');
}

function clock({ elapsedUs, durationUs }: Progress): string {
  return `${wholeSeconds(elapsedUs)}/${formatDuration(durationUs)}`;
}

function wholeSeconds(us: number): string {
  return formatDuration(Math.floor(us / US_PER_S) * US_PER_S);
}

function failures({ failures: causes }: Progress): string {
  return causes.length === 0 ? 'none failed' : causes.map(([outcome, count]) => `${outcome} ${count}`).join(', ');
}

function sparkline(values: readonly (number | null)[], width: number): string {
  const shown = values.slice(-width);
  return shown.every((value) => value === null)
    ? '-'
    : sparkly(
        shown.map((value) => value ?? ''),
        { minimum: 0 },
      );
}
