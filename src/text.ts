const MAX_CODE_POINTS = 200;

/**
 * Text that came from elsewhere, safe to print: control characters and those that turn the writing direction shown as
 * `\xNN`, line breaks too, cut to 200 characters or as many as are given.
 */
export function safeText(text: string, mostCharacters = MAX_CODE_POINTS): string {
  const points = [...text];
  const shown = points
    .slice(0, mostCharacters)
    .map((point) => (isUnsafe(point.codePointAt(0) as number) ? escaped(point) : point));
  return shown.join('') + (points.length > mostCharacters ? '…' : '');
}

function isUnsafe(code: number): boolean {
  const control = code < 0x20 || (code >= 0x7f && code <= 0x9f);
  const direction = (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
  const lineBreak = code === 0x2028 || code === 0x2029;
  const loneSurrogate = code >= 0xd800 && code <= 0xdfff;
  return control || direction || lineBreak || loneSurrogate;
}

function escaped(point: string): string {
  const hex = (point.codePointAt(0) as number).toString(16);
  return hex.length <= 2 ? `\\x${hex.padStart(2, '0')}` : `\\u${hex.padStart(4, '0')}`;
}

/** Plain data with all of its texts safe to print, each at its full length. */
export function inert<T>(value: T): T {
  if (typeof value === 'string') {
    return safeText(value, Number.POSITIVE_INFINITY) as T;
  }
  if (Array.isArray(value)) {
    return value.map(inert) as T;
  }
  return typeof value === 'object' && value !== null
    ? (Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, inert(inner)])) as T)
    : value;
}

/** Stands in for a secret in every output. */
export const MASK = '***';

/** A URL without its password and the values of its query; a placeholder is no secret. */
export function maskUrl(url: string): string {
  return url
    .replace(/(\/\/)[^/@]*@/, `$1${MASK}@`)
    .replace(/([?&][^=&#]+=)(?!\{\{[^{}]*\}\}(?:[&#]|$))[^&#]*/g, `$1${MASK}`);
}
