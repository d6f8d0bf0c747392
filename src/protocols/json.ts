import { DECODED_OK, type Decoded, type Reading, type Reply } from './protocol.js';

/** The headers of a request in JSON that wants its answer in JSON. */
export const JSON_HEADERS = { 'content-type': 'application/json', accept: 'application/json' } as const;

/** Checks a body that is to be JSON: `problemOf` says what is wrong with its value, undefined when nothing is. */
export function decodeJson(body: Buffer, problemOf: (value: unknown) => string | undefined): Decoded {
  const answer = parseJson(body);
  if (answer.problem !== undefined) {
    return { outcome: 'invalid_json', detail: answer.problem };
  }
  const problem = problemOf(answer.value);
  return problem === undefined ? DECODED_OK : { outcome: 'schema_mismatch', detail: problem };
}

/** A parsed body, or why it is none. */
export type Json = { readonly value: unknown; readonly problem?: undefined } | { readonly problem: string };

/** Strings, which are kept, or bare tokens that JSON does not have. */
const BARE_TOKENS = /"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g;

/**
 * Parses a JSON body. The bare tokens NaN, Infinity and -Infinity, which TensorFlow Serving writes, are numbers: a
 * strict parser would blame the server for a model's answer.
 */
export function parseJson(body: Buffer): Json {
  const text = body.toString('utf8');
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    return parseTolerant(text) ?? { problem: `Not JSON: ${(error as Error).message}` };
  }
}

/** Stands for NaN on its way through the strict parser: a text that no server writes. */
const NAN_TEXT = '\u0000NaN';

function parseTolerant(text: string): Json | undefined {
  let hasNaN = false;
  const legal = text.replace(BARE_TOKENS, (token) => {
    if (token.startsWith('"')) {
      return token;
    }
    if (token.endsWith('NaN')) {
      hasNaN = true;
      return JSON.stringify(NAN_TEXT);
    }
    // A legal JSON number that reads as Infinity; NaN has no such form.
    return token.startsWith('-') ? '-1e999' : '1e999';
  });
  try {
    return { value: JSON.parse(legal, hasNaN ? withNaN : undefined) };
  } catch {
    return undefined;
  }
}

function withNaN(_key: string, value: unknown): unknown {
  return value === NAN_TEXT ? Number.NaN : value;
}

/** The value of a body that was found to be JSON before. */
export function jsonValue(body: Buffer): unknown {
  const answer = parseJson(body);
  return answer.problem === undefined ? answer.value : undefined;
}

/** Reads the answer to a probe that is JSON; `read` gives undefined for a value that is not what was asked for. */
export function readJson<Answer>(
  { response, detail }: Reply,
  what: string,
  read: (value: unknown) => Answer | undefined,
): Reading<Answer> {
  if (!response) {
    return { problem: detail };
  }
  const json = parseJson(response.body);
  if (json.problem !== undefined) {
    return { problem: json.problem };
  }
  const value = read(json.value);
  return value === undefined ? { problem: `Wanted ${what}, got ${shown(json.value)}` } : { value };
}

/**
 * What an error in JSON says: `error` of TensorFlow Serving, Triton and KServe, `error.message` of the OpenAI API,
 * `message` of TorchServe. Undefined for anything else, such as the page of a server that has no such path.
 */
export function errorText(body: string): string | undefined {
  let value: { readonly error?: unknown; readonly message?: unknown } | null;
  try {
    value = JSON.parse(body);
  } catch {
    return undefined;
  }
  const error = value?.error;
  const said = [error, (error as { readonly message?: unknown } | null | undefined)?.message, value?.message];
  return said.find((one) => typeof one === 'string' && one !== '') as string | undefined;
}

/** A value of an answer in a message: its JSON, cut. A server decides how deep it is, and stringify has a stack. */
export function shown(value: unknown): string {
  try {
    return String(JSON.stringify(value)).slice(0, 100);
  } catch {
    return 'a value too deep to show';
  }
}

/** Why a list is not one prediction per item, all of one shape; undefined when it is. */
export function rowsProblem(predictions: readonly unknown[], batch: number): string | undefined {
  if (predictions.length !== batch) {
    return `Wanted ${batch} predictions, got ${predictions.length}`;
  }
  const shape = shapeOf(predictions[0]);
  const odd = predictions.findIndex((prediction) => shapeOf(prediction) !== shape);
  return odd < 0 ? undefined : `Prediction ${odd} has the shape ${shapeOf(predictions[odd])}, the first one ${shape}`;
}

/** More dimensions than any tensor has: what lies deeper is not looked at. */
const MAX_DEPTH = 254;

/** The shape and datatypes of a prediction as text: equal texts, equal shapes. */
function shapeOf(value: unknown, depth = 0): string {
  if (depth === MAX_DEPTH) {
    return '…';
  }
  if (Array.isArray(value)) {
    const inner = value.map((item) => shapeOf(item, depth + 1));
    return inner.every((shape) => shape === inner[0]) ? `[${value.length}]${inner[0] ?? ''}` : `[${inner.join()}]`;
  }
  if (typeof value === 'object' && value !== null) {
    return `{${Object.entries(value).map(([name, output]) => `${name}:${shapeOf(output, depth + 1)}`)}}`;
  }
  return typeof value;
}
