/** Microseconds per millisecond and per second: the inside of the tool counts microseconds, text shows ms and s. */
export const US_PER_MS = 1_000;
export const US_PER_S = 1_000_000;

const UNIT_US: Readonly<Record<string, number>> = {
  us: 1,
  µs: 1,
  ms: US_PER_MS,
  s: US_PER_S,
  m: 60 * US_PER_S,
  h: 3600 * US_PER_S,
};

/**
 * Reads a duration such as `300ms`, `10s`, `5m`, `1h30m` or `0`, in microseconds; undefined when it is none.
 * A bare number other than 0 is refused: peers disagree on whether it means seconds or milliseconds.
 */
export function parseDurationUs(text: string): number | undefined {
  if (text === '0') {
    return 0;
  }
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(us|µs|ms|s|m|h)/gy)];
  if (parts.length === 0 || parts.map((part) => part[0]).join('') !== text) {
    return undefined;
  }
  return Math.round(parts.reduce((sum, [, value, unit]) => sum + Number(value) * (UNIT_US[unit ?? ''] ?? 0), 0));
}

/** A duration as a user would type it: `300ms`, `1.5s`, `2m`, `1m30s`. */
export function formatDuration(us: number): string {
  if (us < US_PER_MS) {
    return us === 0 ? '0s' : `${us}us`;
  }
  if (us < US_PER_S) {
    return `${trimZeros((us / US_PER_MS).toFixed(3))}ms`;
  }
  if (us < 60 * US_PER_S) {
    return `${trimZeros((us / US_PER_S).toFixed(3))}s`;
  }
  const hours = Math.floor(us / (3600 * US_PER_S));
  const minutes = Math.floor((us / (60 * US_PER_S)) % 60);
  const seconds = (us / US_PER_S) % 60;
  const tail = seconds === 0 ? '' : `${trimZeros(seconds.toFixed(3))}s`;
  return `${hours === 0 ? '' : `${hours}h`}${minutes === 0 ? '' : `${minutes}m`}${tail}`;
}

/** Milliseconds with up to three significant decimals for a table cell; `-` where there is no value. */
export function formatMs(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) {
    return '-';
  }
  if (ms >= 10_000) {
    return groupDigits(Math.round(ms));
  }
  return ms >= 100 ? ms.toFixed(1) : ms >= 10 ? ms.toFixed(2) : ms.toFixed(3);
}

/** A whole number with thin grouping that survives copy and paste: `12,345`. */
export function groupDigits(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** Bytes in decimal units, as the field's tools print them: `812 B`, `1.2 kB`, `3.4 MB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const step = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** step;
  return `${step === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[step]}`;
}

function trimZeros(digits: string): string {
  return digits.replace(/\.?0+$/, '');
}

/** A ratio in percent with two decimals, `-` where there is none. */
export function formatPercent(ratio: number | null): string {
  return ratio === null ? '-' : `${(ratio * 100).toFixed(2)} %`;
}
