import { type Outcome, type Refusal, refusal } from './outcome.js';

/** A parsed JSON object. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Whether a parsed value is an object, not a list and not null. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Deeper nesting is refused instead of running out of stack. */
const MAX_DEPTH = 1_000;

/** A document, or what is wrong with it and where. */
export type RapidJson =
  | { readonly value: unknown; readonly problem?: undefined }
  | { readonly problem: string; readonly offsetBytes: number };

/** Parses a request as TensorFlow Serving does, and words its errors. */
export function parseTfJson(body: Buffer): Outcome<unknown> {
  if (body.length === 0) {
    return refusal('INVALID_ARGUMENT', 'JSON Parse error: The document is empty');
  }
  const read = parseRapidJson(body);
  return read.problem === undefined
    ? { value: read.value }
    : refusal('INVALID_ARGUMENT', `JSON Parse error: ${read.problem} at offset: ${read.offsetBytes}`);
}

/**
 * Parses as RapidJSON does for TensorFlow Serving and Triton: JSON plus the bare tokens NaN, Inf, Infinity and their
 * negatives. Problems have its texts; an offset may differ by the length of a half-read token.
 */
export function parseRapidJson(body: Buffer): RapidJson {
  const text = body.toString('utf8');
  try {
    return { value: JSON.parse(text) };
  } catch {
    // Not JSON to the letter: either what only the tolerant reader takes, or an error that it words.
    return parseTolerantly(text);
  }
}

class JsonProblem extends Error {
  readonly index: number;

  constructor(message: string, index: number) {
    super(message);
    this.index = index;
  }
}

const NUMBER = /-?(?:0|[1-9]\d*)(\.\d*)?([eE][+-]?\d*)?/y;
const NOT_FINITE = /(-?)(NaN|Infinity|Inf)/y;
const WORD = /true|false|null/y;
const WORDS: Readonly<Record<string, boolean | null>> = { true: true, false: false, null: null };
const SPACE = /[ \t\n\r]*/y;
const STRING = /"[^"\\]*(?:\\.[^"\\]*)*"/sy;

function parseTolerantly(text: string): RapidJson {
  let at = text.startsWith('\ufeff') ? 1 : 0;

  function token(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    at += match?.[0].length ?? 0;
    return match ?? undefined;
  }
  function skip(character: string): boolean {
    token(SPACE);
    const found = text[at] === character;
    at += found ? 1 : 0;
    return found;
  }
  function fail(message: string, index = at): never {
    throw new JsonProblem(message, index);
  }

  function readValue(depth: number): unknown {
    token(SPACE);
    if (depth > MAX_DEPTH) {
      fail('Terminate parsing due to Handler error.');
    }
    switch (text[at]) {
      case '{':
        return readObject(depth);
      case '[':
        return readList(depth);
      case '"':
        return readString();
      default:
        return readScalar();
    }
  }

  function readObject(depth: number): JsonObject {
    const members: [string, unknown][] = [];
    at += 1;
    if (skip('}')) {
      return {};
    }
    do {
      token(SPACE);
      const name = text[at] === '"' ? readString() : fail('Missing a name for object member.');
      if (!skip(':')) {
        fail('Missing a colon after a name of object member.');
      }
      members.push([name, readValue(depth + 1)]);
    } while (skip(','));
    return skip('}') ? Object.fromEntries(members) : fail('Missing a comma or } after an object member.');
  }

  function readList(depth: number): readonly unknown[] {
    const items: unknown[] = [];
    at += 1;
    if (skip(']')) {
      return items;
    }
    do {
      items.push(readValue(depth + 1));
    } while (skip(','));
    return skip(']') ? items : fail('Missing a comma or ] after an array element.');
  }

  function readString(): string {
    const start = at;
    const raw = token(STRING)?.[0];
    if (raw === undefined) {
      return fail('Missing a closing quotation mark in string.', text.length);
    }
    try {
      return JSON.parse(raw) as string;
    } catch {
      const wrong = /\\(?:u(?![0-9a-fA-F]{4})|[^"\\/bfnrtu])/.exec(raw);
      const problem = !wrong
        ? 'Invalid encoding in string.'
        : wrong[0] === '\\u'
          ? 'Incorrect hex digit after \\u escape in string.'
          : 'Invalid escape character in string.';
      return fail(problem, start + (wrong?.index ?? 0));
    }
  }

  function readScalar(): unknown {
    const word = token(WORD)?.[0];
    if (word !== undefined) {
      return WORDS[word];
    }
    const special = token(NOT_FINITE);
    if (special) {
      const magnitude = special[2] === 'NaN' ? Number.NaN : Number.POSITIVE_INFINITY;
      return special[1] === '-' ? -magnitude : magnitude;
    }
    const number = token(NUMBER);
    if (!number) {
      return fail('Invalid value.');
    }
    const [digits, fraction, exponent] = number;
    if (fraction === '.') {
      fail('Miss fraction part in number.');
    }
    if (exponent !== undefined && !/\d$/.test(exponent)) {
      fail('Miss exponent in number.');
    }
    return Number(digits);
  }

  try {
    token(SPACE);
    const value = at === text.length ? fail('The document is empty.') : readValue(0);
    token(SPACE);
    return at === text.length ? { value } : fail('The document root must not be followed by other values.');
  } catch (error) {
    if (!(error instanceof JsonProblem)) {
      throw error;
    }
    return { problem: error.message, offsetBytes: Buffer.byteLength(text.slice(0, error.index)) };
  }
}

const QUOTED_LENGTH = 256;

/** A value in an error text: pretty-printed and cut; what is cut off is not even written. */
export function quoted(value: unknown): string {
  let text = '';

  function write(item: unknown, indent: string): void {
    if (text.length >= QUOTED_LENGTH) {
      return;
    }
    if (Array.isArray(item)) {
      writeMembers('[]', item.keys(), indent, (index) => write(item[index], `${indent}    `));
    } else if (isObject(item)) {
      writeMembers('{}', Object.keys(item), indent, (key) => {
        text += `${JSON.stringify(key)}: `;
        write(item[key], `${indent}    `);
      });
    } else if (typeof item === 'number') {
      // Not JSON.stringify: it turns NaN and the infinities into null.
      text += String(item);
    } else {
      text += JSON.stringify(typeof item === 'string' ? item.slice(0, QUOTED_LENGTH) : item);
    }
  }

  function writeMembers<Key>(
    brackets: '[]' | '{}',
    keys: Iterable<Key>,
    indent: string,
    writeMember: (key: Key) => void,
  ): void {
    text += brackets[0];
    let separator = '';
    for (const key of keys) {
      if (text.length >= QUOTED_LENGTH) {
        return;
      }
      text += `${separator}\n${indent}    `;
      separator = ',';
      writeMember(key);
    }
    text += separator === '' ? brackets[1] : `\n${indent}${brackets[1]}`;
  }

  write(value, '');
  return text.slice(0, QUOTED_LENGTH);
}

/** The error of most wrong requests. */
export function invalid(message: string): Refusal {
  return { code: 'INVALID_ARGUMENT', message };
}

/** The error of a document whose form is wrong: quotes it. */
export function formatError(value: unknown, problem: string): { readonly error: Refusal } {
  return { error: invalid(`JSON Value: ${quoted(value)} ${problem}`) };
}

/** A float32 in the server's way: six digits where they are exact, else nine; always recognisable as no integer. */
export function decimal(value: number): string {
  if (!Number.isFinite(value)) {
    return String(value);
  }
  const short = Number(value.toPrecision(6));
  const text = String(Math.fround(short) === value ? short : Number(value.toPrecision(9)));
  return /[.e]/.test(text) ? text : `${text}.0`;
}
