import { BenchError } from '../errors.js';
import { safeText } from '../text.js';

/** What a file of requests is: the seed's three columns, the same with an outcome, or `samples.csv`. */
export type RequestFileKind = 'seed' | 'raw' | 'samples';

/** What the columns of a file mean, by index. */
export interface RawLayout {
  readonly kind: RequestFileKind;
  /** Names for messages, by index; further columns have none. */
  readonly names: readonly string[];
  readonly start: number;
  readonly end: number;
  /** Undefined in `samples.csv`: there the latency is end − intended. */
  readonly latency: number | undefined;
  readonly outcome: number | undefined;
  readonly phase: number | undefined;
  /** When the request really went, where that is not `start`. */
  readonly sent: number | undefined;
  /** Columns of a whole row. */
  readonly width: number;
}

/** A header's meaning. */
export interface Header {
  readonly layout: RawLayout;
  /** Units per second that the names tell; undefined when they do not. */
  readonly timeFactor: number | undefined;
  /** The columns were taken by their position, since their names do not tell. */
  readonly byPosition: boolean;
}

const PLAIN_NAMES = ['start', 'end', 'latency'] as const;

/** The layout of a file without a header, by the number of columns of its first row; `outcome` when it has that column. */
export function plainLayout(width: number, outcome: boolean): RawLayout {
  return {
    kind: outcome ? 'raw' : 'seed',
    names: outcome ? [...PLAIN_NAMES, 'outcome'] : PLAIN_NAMES,
    start: 0,
    end: 1,
    latency: 2,
    outcome: outcome ? 3 : undefined,
    phase: undefined,
    sent: undefined,
    width,
  };
}

/** Whether a file's first line holds names: letters in every field, and not those of a number that is none. */
export function isHeader(fields: readonly string[]): boolean {
  return fields.some(isName) && fields.every((field) => field === '' || isName(field));
}

function isName(field: string): boolean {
  return /^[#\p{L}_]/u.test(field) && !/^(nan|inf|infinity|null|none|na)$/i.test(field);
}

/** Reads a header. Throws BenchError when its columns cannot be those of requests. */
export function readHeader(file: string, fields: readonly string[]): Header {
  // Names go into messages later.
  const names = fields.map((field) => safeText(field.replace(/^#\s*/, '')));
  refuseForeign(file, names);
  const twice = names.find((name, index) => name !== '' && names.indexOf(name) !== index);
  if (twice !== undefined) {
    throw new BenchError('usage', `${file}:1: the header names the column ${quoted(twice)} twice`);
  }
  if (names.includes('intended_us') && names.includes('end_us')) {
    return { layout: samplesLayout(file, names), timeFactor: 1_000_000, byPosition: false };
  }
  if (names.length < PLAIN_NAMES.length) {
    throw new BenchError('usage', `${file}:1: the header has ${names.length} columns, wanted start, end and latency`, {
      hint: 'a file of requests has a row per request: start, end, latency and perhaps its outcome',
    });
  }
  return requestsHeader(file, names);
}

function requestsHeader(file: string, names: readonly string[]): Header {
  const named = [/^start/i, /^end/i, /^(latency|response_?time|delay|duration|elapsed)/i].map((pattern) =>
    names.findIndex((name) => pattern.test(name)),
  );
  const byPosition = named.some((index) => index < 0);
  const [start, end, latency] = (byPosition ? [0, 1, 2] : named) as [number, number, number];
  const outcome = names.indexOf('outcome');
  const layout: RawLayout = {
    ...plainLayout(names.length, false),
    kind: outcome < 0 ? 'seed' : 'raw',
    names,
    start,
    end,
    latency,
    outcome: outcome < 0 ? undefined : outcome,
  };
  return {
    layout,
    timeFactor: timeFactorOf(
      file,
      [start, end, latency].map((index) => names[index] ?? ''),
    ),
    byPosition,
  };
}

const UNITS_PER_S: Readonly<Record<string, number>> = { s: 1, ms: 1e3, us: 1e6, µs: 1e6, ns: 1e9 };

function timeFactorOf(file: string, names: readonly string[]): number | undefined {
  const units = names.map((name) => /_(s|ms|us|µs|ns)$/i.exec(name)?.[1]?.toLowerCase());
  if (units.some((unit) => unit === undefined)) {
    return undefined;
  }
  const factors = new Set(units.map((unit) => UNITS_PER_S[unit as string]));
  if (factors.size > 1) {
    throw new BenchError(
      'usage',
      `${file}:1: ${names.join(', ')} name different units, wanted one for all three columns`,
    );
  }
  return [...factors][0];
}

function samplesLayout(file: string, names: readonly string[]): RawLayout {
  const column = (name: string): number => {
    const index = names.indexOf(name);
    if (index < 0) {
      throw new BenchError('usage', `${file}:1: the header of samples.csv lacks the column ${name}`);
    }
    return index;
  };
  return {
    kind: 'samples',
    names,
    start: column('intended_us'),
    end: column('end_us'),
    latency: undefined,
    outcome: column('outcome'),
    phase: column('phase'),
    sent: column('start_us'),
    width: names.length,
  };
}

/** Throws BenchError when the names are those of another file that lies near the raw requests. */
function refuseForeign(file: string, names: readonly string[]): void {
  if (/^epoch/i.test(names[0] ?? '') && !names.some((name) => /^end/i.test(name))) {
    if (names.length === 2 && /user/i.test(names[1] ?? '')) {
      throw usersFile(file, 1);
    }
    throw notRequests(
      `${file}:1: seems to be a per-second stream (${quoted(names.join(','))}), not a file of requests`,
    );
  }
  if (names.includes('recv_ns')) {
    throw notRequests(`${file}:1: seems to be the truth log of a server, not a file of requests`);
  }
}

/** The error for a file that holds numbers of users. */
export function usersFile(file: string, line: number): BenchError {
  return notRequests(`${file}:${line}: seems to be raw_users.csv (epoch_s,users), not a file of requests`);
}

function notRequests(message: string): BenchError {
  return new BenchError('usage', message, { hint: 'give raw_requests.csv or samples.csv of the run' });
}

/** Whether the first row, of two columns, is one of `raw_users.csv`: a moment in seconds and a smaller number of users. */
export function looksLikeUsers(fields: readonly string[]): boolean {
  const [moment, users] = fields.map(Number) as [number, number];
  return fields.length === 2 && moment > 0 && users < moment;
}

/**
 * The number in a field: decimal digits with an optional sign, fraction and exponent; otherwise the reason why it is
 * none that can be used. Text that `Number` would take for one (blank, hexadecimal, infinite) is refused.
 */
export function readNumber(text: string, name: string): number | string {
  if (text === '') {
    return `${name} is blank`;
  }
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) {
    return `${name} is not a number: ${quoted(text)}`;
  }
  const value = Number(text);
  if (value < 0) {
    return `${name} is negative: ${quoted(text)}`;
  }
  // Doubles above this have no unit place: two different inputs would become one.
  return value > Number.MAX_SAFE_INTEGER ? `${name} is above 2^53: ${quoted(text)}` : Math.abs(value);
}

/** Whether more digits could make a number of this: what a cut leaves of one. */
export function isNumberBeginning(text: string): boolean {
  return /^[+]?\d*\.?\d*(e[+-]?\d*)?$/i.test(text);
}

/** Text of an input for a message: short, on one line, control characters escaped. */
export function quoted(text: string): string {
  return `"${safeText(text.slice(0, 80))}${text.length > 80 ? '…' : ''}"`;
}
