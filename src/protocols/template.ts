import type { Item, Tensor } from '../datasets/dataset.js';
import { usageError } from '../errors.js';
import { nearest } from '../flags.js';

/**
 * How the value of a column goes into a text. `json`: inside of quotes as the text of a JSON string, outside of them as
 * the JSON of the value; `url` and `form`: percent-encoded, `url` also what of the literal text a request line cannot hold; `header`: as it is, refused where it would end the line; `text`: as it is.
 */
export type Escape = 'json' | 'url' | 'form' | 'header' | 'text';

export interface TemplateOptions {
  /** The flag that the text came from, for messages: `--body`. */
  readonly flag: string;
  readonly escaping: Escape;
}

/** A text with placeholders `{{column}}`. */
export interface Template {
  /** Whether it has placeholders: without them it is the same for all rows. */
  readonly fixed: boolean;
  /** The text for a row. Throws BenchError('usage') for a column that the row does not have, or a value that cannot stand there. */
  fill(row: Row): string;
}

/** The values of an item by the names of their columns. */
export type Row = Readonly<Record<string, unknown>>;

/**
 * The columns of an item: a row's own; `text` of a text; `values`, row-major, and `shape` of a tensor, of several by the
 * names of their inputs; `base64` of bytes.
 */
export function rowOf(item: Item): Row {
  switch (item.kind) {
    case 'bytes':
      return { base64: Buffer.from(item.bytes).toString('base64') };
    case 'row':
      return item.columns;
    case 'text':
      return { text: item.text };
    case 'tensor':
      return tensorRow(item);
    case 'tensors':
      return Object.fromEntries(Object.entries(item.inputs).map(([name, tensor]) => [name, tensorRow(tensor)]));
  }
}

function tensorRow({ values, shape }: Tensor): Row {
  return { values: Array.from<number | bigint | Buffer, unknown>(values, plain), shape: Array.from(shape) };
}

/** An element as JSON has it: bytes as text; what no number holds exactly as its digits. */
function plain(value: number | bigint | Buffer): unknown {
  if (Buffer.isBuffer(value)) {
    return value.toString('utf8');
  }
  if (typeof value === 'number') {
    return value;
  }
  return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
}

/** A piece of a template: a literal, or a column and whether it stands inside of JSON quotes. */
type Piece = string | { readonly column: string; readonly quoted: boolean };

/** `{{{{` is a literal `{{`; a name may hold anything but braces. */
const TOKENS = /\{\{\{\{|\{\{\s*([^{}]*?)\s*\}\}/g;

/** Reads a template; throws BenchError('usage') for a placeholder that is not closed or has no name. */
export function template(text: string, { flag, escaping }: TemplateOptions): Template {
  const pieces: Piece[] = [];
  let quoted = false;
  let from = 0;
  const literal = (part: string) => {
    if (part.includes('{{')) {
      throw usageError(
        [
          `Cannot read ${flag}: a placeholder is {{column}}, this one is not closed${escaping === 'header' ? '' : `: ${excerpt(part)}`}`,
        ],
        {
          hint: '{{{{ stands for {{ itself',
        },
      );
    }
    quoted = endsQuoted(part, quoted);
    pieces.push(escaping === 'url' ? urlLiteral(part) : part);
  };
  for (const match of text.matchAll(TOKENS)) {
    literal(text.slice(from, match.index));
    from = match.index + match[0].length;
    if (match[1] === undefined) {
      pieces.push(escaping === 'url' ? '%7B%7B' : '{{');
    } else if (match[1] === '') {
      throw usageError([`Cannot read ${flag}: a placeholder is {{column}}, this one has no name: ${match[0]}`]);
    } else {
      pieces.push({ column: match[1], quoted });
    }
  }
  literal(text.slice(from));

  return {
    fixed: pieces.every((piece) => typeof piece === 'string'),
    fill: (row) =>
      pieces
        .map((piece) => {
          if (typeof piece === 'string') {
            return piece;
          }
          if (!Object.hasOwn(row, piece.column)) {
            throw unknownColumn(piece.column, row, flag);
          }
          return written(row[piece.column], piece, { flag, escaping });
        })
        .join(''),
  };
}

function excerpt(part: string): string {
  const at = part.indexOf('{{');
  return JSON.stringify(part.slice(at, at + 30));
}

function unknownColumn(column: string, row: Row, flag: string) {
  const columns = Object.keys(row);
  const near = nearest(column, columns);
  const there = columns.length === 0 ? 'there is no dataset' : `the dataset has the columns ${columns.join(', ')}`;
  return usageError(
    [`Cannot fill {{${column}}} of ${flag}: ${there}${near === undefined ? '' : ` (did you mean ${near}?)`}`],
    columns.length === 0 ? { hint: '--dataset FILE gives the rows that placeholders are filled from' } : {},
  );
}

/** Whether JSON text that begins inside of quotes, or not, ends inside of them. */
function endsQuoted(part: string, begins: boolean): boolean {
  let quoted = begins;
  for (let at = 0; at < part.length; at++) {
    if (quoted && part[at] === '\\') {
      at++;
    } else if (part[at] === '"') {
      quoted = !quoted;
    }
  }
  return quoted;
}

function written(
  value: unknown,
  { column, quoted }: Exclude<Piece, string>,
  { flag, escaping }: TemplateOptions,
): string {
  switch (escaping) {
    case 'json':
      return quoted ? JSON.stringify(plainText(value)).slice(1, -1) : bareJson(value, column, flag);
    case 'url':
    case 'form':
      return encodeURIComponent(plainText(value));
    case 'header': {
      const text = plainText(value);
      if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(text)) {
        throw usageError([
          `Cannot fill {{${column}}} of ${flag}: a header takes one line of Latin-1: got ${JSON.stringify(text.slice(0, 60))}`,
        ]);
      }
      return text;
    }
    case 'text':
      return plainText(value);
  }
}

/** A value as text. A lone surrogate, which has no UTF-8 form, becomes U+FFFD; what is absent is empty. */
function plainText(value: unknown): string {
  if (value === null || value === undefined) {
    return '';
  }
  return typeof value === 'string'
    ? value.toWellFormed()
    : typeof value === 'object'
      ? JSON.stringify(value)
      : `${value}`;
}

/** JSON outside of quotes: values of JSONL as they are; the text of a CSV cell where it is JSON itself, such as a number. */
function bareJson(value: unknown, column: string, flag: string): string {
  if (typeof value !== 'string') {
    return JSON.stringify(value ?? null);
  }
  try {
    JSON.parse(value);
    return value;
  } catch {
    throw usageError(
      [
        `Cannot fill {{${column}}} of ${flag}: it stands outside of quotes, and ${JSON.stringify(value.slice(0, 60))} is no JSON`,
      ],
      { hint: `write "{{${column}}}" for text` },
    );
  }
}

/** A literal part of a path or query: what a request line cannot hold is percent-encoded, what is encoded stays. */
function urlLiteral(part: string): string {
  return part.toWellFormed().replace(/[^\x21-\x7e]|["#<>\\^`{|}]/gu, encodeURIComponent);
}
